// What is computed from texts and sizes alone: pure functions, tested without a page.

/** @param {number} size in bytes */
export const formatBytes = (size) => {
  if (size < 1000) return `${size} B`;
  return size < 1e6 ? `${Math.round(size / 1000)} KB` : `${(size / 1e6).toFixed(1)} MB`;
};

/**
 * Whether a question is shown in part until somebody asks for all of it.
 *
 * @param {string} question
 */
export const isLongQuestion = (question) => question.length > 2000 || question.split("\n", 31).length > 30;

/**
 * What is shown of a long question; no character is cut in two.
 *
 * @param {string} question
 */
export const clippedQuestion = (question) => {
  if (!isLongQuestion(question)) return question;
  const lines = question.slice(0, 800).split("\n").slice(0, 10).join("\n");
  return `${lines.replace(/[\uD800-\uDBFF]$/, "").trimEnd()} …`;
};

/**
 * A text in pieces that a browser can lay out one by one, each of whole lines if it can be.
 *
 * @param {string} text
 * @returns {string[]}
 */
export const piecesOf = (text) => text.match(/[^]{1,4000}\n|[^]{1,4000}/gu) ?? [];

const GONE = new Map([
  ["restarting", "The kernel was restarted;"],
  ["starting", "The kernel was restarted;"],
  ["autorestarting", "The kernel died and was restarted;"],
  ["dead", "The kernel died or was shut down; restart it and"],
  ["terminating", "The kernel was shut down or changed;"],
  ["disposed", "The kernel was shut down or changed;"],
]);

/**
 * What is said of a kernel in that status; empty while it is there.
 *
 * @param {string} status one of JupyterLab's, or "disposed"
 */
export const goneText = (status) => {
  const what = GONE.get(status) ?? "";
  return what && `${what} run the cell with %chat panel again.`;
};

/** @param {number} turns */
export const restoreLabel = (turns) => `Restore (${turns} ${turns === 1 ? "turn" : "turns"})`;

/**
 * What of a growing answer has no HTML yet; of a block of code, without its fence.
 *
 * @param {string} text
 * @param {number} covered how much of the text the HTML stands for
 */
export const uncoveredText = (text, covered) => {
  const rest = text.slice(covered);
  const fence = /^\s*(`{3,}|~{3,})[^\n]*\n?/.exec(rest);
  return { isCode: fence !== null, text: fence ? rest.slice(fence[0].length) : rest };
};

/** @param {EndedTurn} turn */
export const footerText = ({ footer, stale, cell }) =>
  [footer, stale && "stale: a turn above it has changed", cell && "asked in a cell"].filter(Boolean).join(" · ");

/**
 * The models that have all of the typed words in their ids.
 *
 * @param {string[]} ids
 * @param {string} typed
 */
export const matchingModels = (ids, typed) => {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return ids.filter((id) => words.every((word) => id.toLowerCase().includes(word)));
};

/**
 * The question that one gets by going back or forth among those that were asked.
 *
 * @template Question
 * @param {Question[]} questions the oldest first
 * @param {number} recalled which one is shown, counted from the end; 0 for none
 * @param {number} step
 */
export const recalledQuestion = (questions, recalled, step) => {
  const next = Math.max(0, Math.min(questions.length, recalled + step));
  return { recalled: next, question: questions[questions.length - next] };
};

/**
 * What becomes a cell: the answer's code, else the question.
 *
 * @param {string[]} codes
 * @param {string} question
 */
export const cellSource = (codes, question) =>
  codes.length
    ? { text: codes.join("\n\n"), name: "The answer's code" }
    : { text: `%%chat\n${question}`, name: "The question" };

/** @param {string} type */
export const isShownPicture = (type) => /^image\/(png|jpeg|gif|webp)$/.test(type);

/** @param {string} text */
export const firstLine = (text) => (text.split("\n").find((line) => line.trim()) ?? "").trim();
