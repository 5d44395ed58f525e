// What the page computes from texts and sizes.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  cellSource,
  clippedQuestion,
  firstLine,
  footerText,
  formatBytes,
  goneText,
  isLongQuestion,
  isShownPicture,
  matchingModels,
  piecesOf,
  recalledQuestion,
  restoreLabel,
  uncoveredText,
} from "../../apertis_magic/panel/static/texts.js";

test("sizes have the unit that a person reads", () => {
  const sizes = [0, 999, 1000, 1500, 999_499, 1e6, 8_000_000];
  const expected = ["0 B", "999 B", "1 KB", "2 KB", "999 KB", "1.0 MB", "8.0 MB"];
  assert.deepEqual(sizes.map(formatBytes), expected);
});

test("a question of many characters or lines is shown in part", () => {
  assert.equal(isLongQuestion("x".repeat(2000)), false);
  assert.equal(isLongQuestion("x".repeat(2001)), true);
  assert.equal(isLongQuestion("\n".repeat(29)), false);
  assert.equal(isLongQuestion("\n".repeat(30)), true);
  assert.equal(clippedQuestion("x".repeat(2000)), "x".repeat(2000));
  assert.equal(clippedQuestion("x".repeat(2001)), `${"x".repeat(800)} …`);
  assert.equal(clippedQuestion("a\n".repeat(40)), `${"a\n".repeat(9)}a …`);
  assert.equal(clippedQuestion(`x${"😀".repeat(1000)}`), `x${"😀".repeat(399)} …`);
});

test("a long text is cut into pieces of whole lines, and nothing of it is lost", () => {
  const texts = ["", "one\n", "a line\n".repeat(2000), "x".repeat(9000), `${"😀".repeat(5000)}\n\nEnd.`];
  for (const text of texts) {
    const pieces = piecesOf(text);
    assert.equal(pieces.join(""), text);
    assert.ok(pieces.every((piece) => [...piece].length <= 4001));
  }
  assert.ok(piecesOf(texts[2] ?? "").every((piece) => piece.endsWith("\n")));
  assert.ok(piecesOf(texts[4] ?? "").every((piece) => piece.isWellFormed()));
});

test("a kernel that is gone is told of by why, and one that is there is not", () => {
  assert.equal(goneText("restarting"), "The kernel was restarted; run the cell with %chat panel again.");
  assert.equal(goneText("starting"), goneText("restarting"));
  assert.match(goneText("autorestarting"), /died and was restarted; run the cell/);
  assert.match(goneText("dead"), /died or was shut down; restart it and run the cell/);
  assert.match(goneText("disposed"), /shut down or changed; run the cell/);
  for (const status of ["idle", "busy", "unknown", "", "constructor"]) assert.equal(goneText(status), "");
});

test("what can be restored is counted", () => {
  assert.deepEqual([1, 2, 30].map(restoreLabel), ["Restore (1 turn)", "Restore (2 turns)", "Restore (30 turns)"]);
});

test("what has no HTML yet is shown as text, code without its fence", () => {
  assert.deepEqual(uncoveredText("One.\n\nTwo", 6), { isCode: false, text: "Two" });
  assert.deepEqual(uncoveredText("One.", 4), { isCode: false, text: "" });
  assert.deepEqual(uncoveredText("One.\n\n```python\nprint(1)", 4), { isCode: true, text: "print(1)" });
  assert.deepEqual(uncoveredText("~~~~\na\nb", 0), { isCode: true, text: "a\nb" });
  assert.deepEqual(uncoveredText("```", 0), { isCode: true, text: "" });
  assert.deepEqual(uncoveredText("``a``", 0), { isCode: false, text: "``a``" });
});

test("a footer has the marks that hold, and no others", () => {
  const turn = { footer: "gpt · 3 s", stale: false, cell: false };
  assert.equal(footerText(turn), "gpt · 3 s");
  assert.equal(footerText({ ...turn, cell: true }), "gpt · 3 s · asked in a cell");
  assert.equal(footerText({ footer: "", stale: true, cell: true }), "stale: a turn above it has changed · asked in a cell");
});

test("a model is found by all typed words, in any order and case", () => {
  const ids = ["gpt-4.1-mini", "claude-haiku-4.5", "GPT-5"];
  assert.deepEqual(matchingModels(ids, ""), ids);
  assert.deepEqual(matchingModels(ids, " Gpt "), ["gpt-4.1-mini", "GPT-5"]);
  assert.deepEqual(matchingModels(ids, "mini gpt"), ["gpt-4.1-mini"]);
  assert.deepEqual(matchingModels(ids, "mini haiku"), []);
});

test("former questions come back one by one, and no further than the first", () => {
  const questions = ["1?", "2?"];
  const back = recalledQuestion(questions, 0, 1);
  assert.deepEqual(back, { recalled: 1, question: "2?" });
  assert.deepEqual(recalledQuestion(questions, 1, 1), { recalled: 2, question: "1?" });
  assert.deepEqual(recalledQuestion(questions, 2, 1), { recalled: 2, question: "1?" });
  assert.deepEqual(recalledQuestion(questions, 1, -1), { recalled: 0, question: undefined });
  assert.deepEqual(recalledQuestion(questions, 0, -1), { recalled: 0, question: undefined });
  assert.deepEqual(recalledQuestion([], 0, 1), { recalled: 0, question: undefined });
});

test("the code of an answer becomes a cell, else the question does", () => {
  assert.deepEqual(cellSource(["a = 1", "b = 2"], "Why?"), { text: "a = 1\n\nb = 2", name: "The answer's code" });
  assert.deepEqual(cellSource([], "Why?"), { text: "%%chat\nWhy?", name: "The question" });
});

test("pictures of four types are shown, and nothing that runs", () => {
  for (const type of ["image/png", "image/jpeg", "image/gif", "image/webp"]) assert.ok(isShownPicture(type));
  for (const type of ["image/svg+xml", "text/html", "x image/png", "image/png; x"]) assert.ok(!isShownPicture(type));
});

test("the first line of a text is the first that is not blank", () => {
  assert.equal(firstLine("\n  \n  a = 1 \nb"), "a = 1");
  assert.equal(firstLine(" \n"), "");
});
