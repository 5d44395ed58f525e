// Which turns of the transcript the page has: pure functions, tested without a page.

export const MOST_TURNS = 120; // in the page; those far from the reader are fetched again
export const PAGE_TURNS = 20; // that are fetched at once

/**
 * Turns in a row.
 *
 * @typedef {object} Span
 * @property {number} start the number of the first
 * @property {number} length how many the page has
 * @property {number} total how many there are
 */

/**
 * What becomes of the turns in the page.
 *
 * @typedef {object} SplicePlan
 * @property {number} start the number of the first turn, then
 * @property {number} from the first in the page that is replaced
 * @property {number} until the one behind the last that is replaced
 * @property {number} first the first of the message's turns that takes their place
 * @property {number} last the one behind the last of the message's turns that does
 */

/** @param {Span} span */
export const endOf = ({ start, length }) => start + length;

/** @param {Span} span */
export const isAtEnd = (span) => endOf(span) === span.total;

/**
 * What a splice of the transcript changes in the page, null for nothing.
 *
 * @param {Span} span before the splice
 * @param {Pick<SpliceMessage, "at" | "gone"> & {turns: Pick<TurnData, "id" | "html">[]}} message
 * @param {string[]} ids those of the turns in the page
 * @returns {SplicePlan | null}
 */
export const planSplice = (span, { at, gone, turns }, ids) => {
  const { start, length } = span;
  if (at + gone < start || (at + gone === start && at < start)) {
    return { start: start + turns.length - gone, from: 0, until: 0, first: 0, last: 0 };
  }
  if (at > endOf(span) || (at === endOf(span) && !isAtEnd(span))) return null;
  const from = Math.max(at - start, 0);
  const until = Math.max(Math.min(at + gone - start, length), from);
  const [first, last] = complete(turns, new Set(ids.slice(from, until)), from > 0);
  return {
    start: from ? start : at + first,
    from,
    until: last < turns.length ? length : until,
    first,
    last,
  };
};

/**
 * Some turns come without the HTML that stands in the page already. Where it does not, as
 * they were far from the reader, the page goes without them.
 *
 * @param {Pick<TurnData, "id" | "html">[]} turns
 * @param {Set<string>} replaced
 * @param {boolean} isBelow whether turns above them stay in the page
 * @returns {[number, number]} the first of those that can be shown, and the one behind the last
 */
const complete = (turns, replaced, isBelow) => {
  const lacks = turns.map(({ id, html }) => html === null && !replaced.has(id));
  if (!lacks.includes(true)) return [0, turns.length];
  return isBelow ? [0, lacks.indexOf(true)] : [lacks.lastIndexOf(true) + 1, turns.length];
};

/**
 * The turns to fetch at one end of those in the page, null where there are none.
 *
 * @param {Span} span
 * @param {boolean} isOlder
 */
export const pageBeside = (span, isOlder) => {
  const { start, total } = span;
  if (isOlder) return start > 0 ? { first: Math.max(start - PAGE_TURNS, 0), last: start } : null;
  const end = endOf(span);
  return end < total ? { first: end, last: end + PAGE_TURNS } : null;
};
