// Copies text: the new way, or the old one where the page has no https.

import { element } from "./dom.js";

/**
 * @param {string} text
 * @returns {Promise<boolean>} whether the browser let us
 */
export const copyText = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyThroughBox(text);
  }
};

/** @param {string} text */
const copyThroughBox = (text) => {
  const box = element("textarea", { class: "ap-spoken" });
  box.value = text;
  document.body.append(box);
  box.select();
  const isCopied = document.execCommand("copy");
  box.remove();
  return isCopied;
};
