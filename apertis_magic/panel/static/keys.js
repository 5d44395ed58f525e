// What keys mean: pure functions of an event, tested without a page.

/** @typedef {Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey" | "isComposing" | "keyCode">} Key */

/**
 * Whether a key sends a message. An input method's own Enter chooses a word.
 *
 * @param {Key} key
 */
export const isSendKey = (key) => key.key === "Enter" && !key.shiftKey && !key.isComposing && key.keyCode !== 229;

/**
 * Whether a key saves the notebook.
 *
 * @param {Key} key
 */
export const isSaveKey = (key) => (key.ctrlKey || key.metaKey) && key.key === "s";

/**
 * How many questions further back a key goes; 0 for no such key.
 *
 * @param {Key} key
 */
export const recallStep = (key) => (key.ctrlKey ? 0 - arrowStep(key) : 0);

/**
 * How many rows further down a key goes; 0 for no such key.
 *
 * @param {Pick<Key, "key">} key
 */
export const arrowStep = ({ key }) => {
  if (key === "ArrowDown") return 1;
  return key === "ArrowUp" ? -1 : 0;
};

/**
 * The row that is marked after an arrow key; behind the last comes the first.
 *
 * @param {number} marked -1 for none
 * @param {number} step
 * @param {number} count
 */
export const nextRow = (marked, step, count) => (marked + step + count) % count;
