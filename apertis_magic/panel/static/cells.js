// Puts text into a new cell below the panel's, where the front end lets itself be driven.

import { firstLine } from "./texts.js";

const nextStep = () =>
  new Promise((resolve) => {
    setTimeout(resolve, 50);
  });

/**
 * JupyterLab and Notebook 7 tell a widget nothing of their notebook. So this does what
 * a person would: choose the panel's cell, press "Insert a cell below", and paste.
 *
 * @param {Element} root the panel
 * @param {string} text
 * @returns {Promise<boolean>} whether it is there
 */
export const insertCell = async (root, text) => {
  const cell = root.closest(".jp-Cell");
  const notebook = root.closest(".jp-NotebookPanel, .jp-Notebook-panel, .jp-MainAreaWidget") ?? document;
  const insert = notebook.querySelector('[data-command="notebook:insert-cell-below"]');
  if (!cell || !insert) return false;
  const before = new Set(notebook.querySelectorAll(".jp-Cell"));
  press(cell);
  await nextStep();
  press(insert);
  const editor = await newEditor(notebook, before);
  return editor ? paste(editor, text) : false;
};

/**
 * @param {ParentNode} notebook
 * @param {Set<Element>} before the cells that are not new
 * @returns {Promise<HTMLElement | null>}
 */
const newEditor = async (notebook, before) => {
  for (let tries = 0; tries < 20; tries += 1) {
    await nextStep();
    const cell = [...notebook.querySelectorAll(".jp-Cell")].find((each) => !before.has(each));
    const editor = /** @type {HTMLElement | null | undefined} */ (cell?.querySelector(".cm-content"));
    if (editor) return editor;
  }
  return null;
};

/** @param {Element} node */
const press = (node) =>
  node.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, cancelable: true, button: 0 }));

/**
 * @param {HTMLElement} editor
 * @param {string} text
 */
const paste = async (editor, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  editor.focus();
  editor.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  await nextStep();
  return editor.textContent.includes(firstLine(text));
};
