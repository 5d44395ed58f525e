// Which turns of the transcript a page has, whatever happens to it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST_TURNS, PAGE_TURNS, endOf, isAtEnd, pageBeside, planSplice } from "../../apertis_magic/panel/static/span.js";

const numbers = (first, last) => Array.from({ length: last - first }, (_, index) => `${first + index}`);
const whole = (ids) => ids.map((id) => ({ id, html: "<p></p>" }));
const without = (ids) => ids.map((id) => ({ id, html: null }));

// A page with the turns from start on, of so many, each named by its number.
const page = (start, length, total) => ({ start, ids: numbers(start, start + length), total });

// What the transcript does to a page.
const spliced = ({ start, ids, total }, at, gone, turns) => {
  const plan = planSplice({ start, length: ids.length, total }, { at, gone, turns }, ids);
  if (!plan) return { start, ids };
  const { from, until, first, last } = plan;
  const inserted = turns.slice(first, last).map(({ id }) => id);
  return { start: plan.start, ids: [...ids.slice(0, from), ...inserted, ...ids.slice(until)] };
};

test("a turn that ends takes its own place", () => {
  assert.deepEqual(spliced(page(2, 3, 5), 4, 1, whole(["new"])), { start: 2, ids: ["2", "3", "new"] });
});

test("a turn at the end is added where the end is in the page", () => {
  assert.deepEqual(spliced(page(2, 3, 5), 5, 0, whole(["5"])), { start: 2, ids: ["2", "3", "4", "5"] });
  assert.deepEqual(spliced(page(2, 2, 5), 5, 0, whole(["5"])), { start: 2, ids: ["2", "3"] });
  assert.deepEqual(spliced(page(2, 2, 5), 4, 0, whole(["new"])), { start: 2, ids: ["2", "3"] });
});

test("what changes above those in the page moves their numbers alone", () => {
  assert.deepEqual(spliced(page(2, 2, 5), 0, 1, []), { start: 1, ids: ["2", "3"] });
  assert.deepEqual(spliced(page(2, 2, 5), 1, 1, whole(["a", "b"])), { start: 3, ids: ["2", "3"] });
  assert.deepEqual(spliced(page(2, 2, 5), 1, 0, whole(["a"])), { start: 3, ids: ["2", "3"] });
});

test("one that is put in just above them is in the page", () => {
  assert.deepEqual(spliced(page(2, 2, 5), 2, 0, whole(["a"])), { start: 2, ids: ["a", "2", "3"] });
  assert.deepEqual(spliced(page(0, 2, 2), 0, 0, whole(["a"])), { start: 0, ids: ["a", "0", "1"] });
});

test("what is gone at an edge of the page is gone from it", () => {
  assert.deepEqual(spliced(page(2, 3, 6), 1, 2, []), { start: 1, ids: ["3", "4"] });
  assert.deepEqual(spliced(page(2, 3, 6), 4, 2, []), { start: 2, ids: ["2", "3"] });
  assert.deepEqual(spliced(page(0, 2, 2), 0, 2, []), { start: 0, ids: [] });
});

test("a turn without HTML is shown where the page has its HTML", () => {
  assert.deepEqual(spliced(page(2, 3, 5), 4, 1, without(["4"])), { start: 2, ids: ["2", "3", "4"] });
});

test("where it has not, it goes without that turn and those on its far side", () => {
  const below = spliced(page(2, 3, 6), 4, 2, [...whole(["a"]), ...without(["5"]), ...whole(["b"])]);
  assert.deepEqual(below, { start: 2, ids: ["2", "3", "a"] });
  const above = spliced(page(2, 3, 5), 1, 2, [...without(["0", "1"]), ...whole(["a"])]);
  assert.deepEqual(above, { start: 3, ids: ["a", "3", "4"] });
});

// Numbers that look random and are the same each time.
const generator = (seed) => {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
};

// One splice of so many turns: where, how many go, and what comes in their place.
const anySplice = (random, total, step) => {
  const at = random(total + 1);
  const gone = random(Math.min(4, total - at) + 1);
  const turns = numbers(0, random(4)).map((number) => ({ id: `new ${step} ${number}`, html: random(4) ? "" : null }));
  return { at, gone, turns };
};

test("after any splices a page has some of the turns there are, in a row", () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = generator(seed);
    let all = numbers(0, 12);
    let shown = page(random(8), 1 + random(4), all.length);
    for (let step = 0; step < 20; step += 1) {
      const { at, gone, turns } = anySplice(random, all.length, step);
      shown = spliced({ ...shown, total: all.length }, at, gone, turns);
      all = [...all.slice(0, at), ...turns.map(({ id }) => id), ...all.slice(at + gone)];
      assert.deepEqual(shown.ids, all.slice(shown.start, shown.start + shown.ids.length), `seed ${seed}, step ${step}`);
    }
  }
});

test("a page is fetched beside those that are there, where there is one", () => {
  const span = { start: 30, length: 10, total: 100 };
  assert.deepEqual(pageBeside(span, true), { first: 30 - PAGE_TURNS, last: 30 });
  assert.deepEqual(pageBeside(span, false), { first: 40, last: 40 + PAGE_TURNS });
  assert.deepEqual(pageBeside({ ...span, start: 5 }, true), { first: 0, last: 5 });
  assert.equal(pageBeside({ ...span, start: 0 }, true), null);
  assert.equal(pageBeside({ ...span, total: 40 }, false), null);
  assert.ok(PAGE_TURNS < MOST_TURNS);
});

test("the end is in the page when its last turn is the last there is", () => {
  assert.equal(endOf({ start: 2, length: 3, total: 5 }), 5);
  assert.equal(isAtEnd({ start: 2, length: 3, total: 5 }), true);
  assert.equal(isAtEnd({ start: 2, length: 2, total: 5 }), false);
});
