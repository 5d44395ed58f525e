// What keys mean.

import assert from "node:assert/strict";
import { test } from "node:test";

import { arrowStep, isSaveKey, isSendKey, nextRow, recallStep } from "../../apertis_magic/panel/static/keys.js";

const press = (key, more = {}) => ({
  key,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  isComposing: false,
  keyCode: 0,
  ...more,
});

test("Enter sends, but not with Shift, nor while an input method chooses a word", () => {
  assert.equal(isSendKey(press("Enter")), true);
  assert.equal(isSendKey(press("a")), false);
  for (const more of [{ shiftKey: true }, { isComposing: true }, { keyCode: 229 }]) {
    assert.equal(isSendKey(press("Enter", more)), false);
  }
});

test("the notebook's key to save is the notebook's", () => {
  assert.equal(isSaveKey(press("s", { ctrlKey: true })), true);
  assert.equal(isSaveKey(press("s", { metaKey: true })), true);
  assert.equal(isSaveKey(press("s")), false);
  assert.equal(isSaveKey(press("a", { ctrlKey: true })), false);
});

test("former questions are recalled with Ctrl alone", () => {
  assert.equal(recallStep(press("ArrowUp", { ctrlKey: true })), 1);
  assert.equal(recallStep(press("ArrowDown", { ctrlKey: true })), -1);
  assert.equal(recallStep(press("a", { ctrlKey: true })), 0);
  assert.equal(recallStep(press("ArrowUp")), 0);
});

test("arrow keys go round the rows of a list", () => {
  assert.deepEqual(["ArrowDown", "ArrowUp", "Enter"].map((key) => arrowStep({ key })), [1, -1, 0]);
  assert.equal(nextRow(-1, 1, 3), 0);
  assert.equal(nextRow(0, 1, 3), 1);
  assert.equal(nextRow(2, 1, 3), 0);
  assert.equal(nextRow(0, -1, 3), 2);
});
