// Hands what was typed in a panel whose kernel is gone to the next panel of its notebook.

// A page has a widget manager for each notebook, so no other notebook gets it. The page
// holds the drafts: each panel has modules of its own.
const PLACE = Symbol.for("apertis_magic.drafts");

/**
 * @typedef {object} Draft
 * @property {string} text
 * @property {File[]} files
 */

/** @type {WeakMap<object, Draft>} */
const drafts = (/** @type {any} */ (globalThis)[PLACE] ??= new WeakMap());

/**
 * @param {WidgetModel} model
 * @param {Draft} draft
 */
export const keepDraft = ({ widget_manager: manager }, draft) => {
  if (manager && (draft.text || draft.files.length)) drafts.set(manager, draft);
};

/** @param {WidgetModel} model */
export const takeDraft = ({ widget_manager: manager }) => {
  const draft = manager && drafts.get(manager);
  if (manager) drafts.delete(manager);
  return draft;
};
