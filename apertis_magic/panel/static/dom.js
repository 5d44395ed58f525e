// Elements made in one line, and what is asked of those that are there.

/** @typedef {string | number | boolean | null | undefined | ((event: any) => void)} Property */

/**
 * Makes an element. A property that begins with "on" is a listener.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Property>} properties
 * @param {(Node | string | null | undefined | false)[]} children those that are null or false are left out
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export const element = (tag, properties = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, String(value));
  }
  for (const child of children) if (child != null && child !== false) node.append(child);
  return node;
};

/**
 * @param {string} label
 * @param {() => void} onclick
 * @param {Record<string, Property>} properties
 */
export const button = (label, onclick, properties = {}) =>
  element("button", { type: "button", class: "ap-button", onclick, ...properties }, label);

/** The class of a button that needs no kernel. */
export const ALONE = "ap-button ap-alone";

let idCount = 0;

/** @param {string} name */
export const uniqueId = (name) => `ap-${name}-${Date.now().toString(36)}-${(idCount += 1)}`;

/**
 * The element with the focus, in the document or the shadow root that holds a node.
 *
 * @param {Node} node
 */
export const focusedBeside = (node) => /** @type {Document | ShadowRoot} */ (node.getRootNode()).activeElement;

/**
 * Makes a box as high as its text, up to a limit.
 *
 * @param {HTMLTextAreaElement} box
 */
export const fitHeight = (box) => {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 240)}px`;
};
