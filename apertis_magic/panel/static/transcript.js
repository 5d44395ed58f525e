// The turns of the conversation that the page has, in a row, as the kernel tells of them.

import { element } from "./dom.js";
import { MOST_TURNS, endOf, isAtEnd, planSplice } from "./span.js";
import { TurnView } from "./turn.js";
/** @import { SplicePlan } from "./span.js" */
/** @import { Services } from "./turn.js" */

export class Transcript {
  /** @param {Services} services what its turns use */
  constructor(services) {
    this.services = services;
    /** @type {TurnView[]} */
    this.turns = []; // those in the page
    this.start = 0; // the number of the first of them
    this.total = 0;
    this.node = element("div", { class: "ap-turns" });
  }

  /** Which turns the page has. */
  get span() {
    return { start: this.start, length: this.turns.length, total: this.total };
  }

  get isAtEnd() {
    return isAtEnd(this.span);
  }

  get questions() {
    return this.turns.map((turn) => turn.question);
  }

  /** What questions were changed to in boxes that are still open. */
  get edits() {
    return this.turns.map((turn) => turn.question.edited);
  }

  breakOff() {
    for (const turn of this.turns) turn.breakOff();
  }

  /** @param {ShowMessage} message */
  show({ at, total, turns }) {
    this.start = at;
    this.total = total;
    this.turns = turns.map((data) => new TurnView(data, this.services));
    this.node.replaceChildren(...this.turns.map((turn) => turn.node));
  }

  /** @param {SpliceMessage} message */
  splice(message) {
    const ids = this.turns.map((turn) => turn.id);
    const plan = planSplice(this.span, message, ids);
    this.total = message.total;
    if (plan) this.replace(plan, message.turns);
  }

  /**
   * @param {SplicePlan} plan
   * @param {TurnData[]} turns
   */
  replace({ start, from, until, first, last }, turns) {
    const former = new Map(this.turns.slice(from, until).map((turn) => [turn.id, turn]));
    const views = turns.slice(first, last).map((data) => {
      const view = former.get(data.id);
      if (!view) return new TurnView(data, this.services);
      former.delete(data.id);
      view.show(data);
      return view;
    });
    for (const turn of former.values()) turn.node.remove();
    this.turns.splice(from, until - from, ...views);
    this.start = start;
    this.place(views, this.turns[from - 1]?.node ?? null);
  }

  /**
   * Puts turns where they belong; one that stands there is not moved, and keeps the focus.
   *
   * @param {TurnView[]} views
   * @param {Element | null} before the node above the first
   */
  place(views, before) {
    let above = before;
    for (const { node } of views) {
      if ((above ? above.nextElementSibling : this.node.firstElementChild) !== node) {
        if (above) above.after(node);
        else this.node.prepend(node);
      }
      above = node;
    }
  }

  /** @param {StaleMessage} message */
  markStale({ turns }) {
    for (const turn of this.turns) {
      const { data } = turn;
      const stale = turns[data.id];
      if (!data.open && stale !== undefined && stale !== data.stale) turn.show({ ...data, html: null, stale });
    }
  }

  /** @param {GrowMessage} message */
  grow(message) {
    this.turns.find((turn) => turn.id === message.id)?.answer.grow(message);
  }

  /** @param {PageMessage} message */
  addPage({ at, total, turns }) {
    this.total = total;
    const views = turns.map((data) => new TurnView(data, this.services));
    const nodes = views.map((turn) => turn.node);
    if (at + views.length === this.start) {
      this.turns.unshift(...views);
      this.start = at;
      this.node.prepend(...nodes);
    } else if (at === endOf(this.span)) {
      this.turns.push(...views);
      this.node.append(...nodes);
      this.trimFirst();
    }
  }

  /** Memory in the page is bounded: here, what is far above goes. */
  trimFirst() {
    while (this.turns.length > MOST_TURNS) {
      this.turns.shift()?.node.remove();
      this.start += 1;
    }
  }

  /** Here, what is far below. */
  trimLast() {
    while (this.turns.length > MOST_TURNS) this.turns.pop()?.node.remove();
  }
}
