// A turn's answer: its thinking, blocks of HTML, the text that has none yet, and problems.

import { button, element } from "./dom.js";
import { uncoveredText } from "./texts.js";
/** @import { Decoration } from "./decoration.js" */
/** @import { Notices } from "./notices.js" */

// All HTML that is set here was made and cleaned in the kernel.
export class AnswerView {
  /**
   * @param {Decoration} decoration
   * @param {Notices} notices
   * @param {() => void} retry
   */
  constructor(decoration, notices, retry) {
    this.decoration = decoration;
    this.notices = notices;
    this.retry = retry;
    this.text = "";
    this.covered = 0; // how much of the text the blocks stand for
    /** @type {Text | null} */
    this.thinking = null; // of an answer that is under way
    this.thought = element("div", { class: "ap-thought" });
    this.blocks = element("div", { class: "ap-blocks apertis-answer" });
    this.tail = element("div", { class: "ap-tail", dir: "auto" });
    this.status = element("div", { class: "ap-status" });
    this.below = element("div", { class: "ap-below apertis-answer" });
    this.node = element("div", { class: "ap-answer" }, this.thought, this.blocks, this.tail, this.status, this.below);
  }

  /**
   * @param {TurnData} turn
   * @param {boolean} isFirst whether nothing of it is shown yet
   */
  showBlocks(turn, isFirst) {
    this.text = turn.text;
    if (turn.html === null && !isFirst) return;
    this.blocks.innerHTML = turn.html ?? "";
    this.covered = turn.open ? turn.covered : turn.text.length;
    this.decoration.decorate(this.blocks);
  }

  /** @param {OpenTurn} turn */
  showOpen({ thought, status }) {
    this.thinking = null;
    this.thought.replaceChildren();
    this.addThought(thought);
    this.below.replaceChildren();
    this.status.textContent = status;
    this.showTail();
  }

  /** @param {EndedTurn} turn */
  showEnded({ thought, below, error, hint, failed }) {
    this.tail.textContent = "";
    this.status.textContent = "";
    this.thought.innerHTML = thought;
    this.below.innerHTML = below;
    if (error) this.addProblem(error, hint);
    if (failed) this.addProblem(`The last try failed: ${failed[0]}`, failed[1]);
    this.decoration.decorate(this.below);
  }

  /**
   * @param {string} text
   * @param {string} hint
   */
  addProblem(text, hint) {
    const retry = button("Retry", this.retry, { "aria-label": "Try again" });
    const problem = element("strong", {}, text);
    this.below.append(element("div", { class: "ap-problem" }, problem, hint && element("div", {}, hint), retry));
  }

  /** @param {GrowMessage} news */
  grow({ text, thought, status, blocks, covered }) {
    if (text) this.text += text;
    if (thought) this.addThought(thought);
    if (status !== undefined) this.status.textContent = status;
    if (blocks) {
      for (const html of blocks) this.addBlock(html);
      this.covered = covered ?? this.covered;
    }
    if (text || blocks) this.showTail();
  }

  /** @param {string} html */
  addBlock(html) {
    const last = this.blocks.lastElementChild;
    const count = this.blocks.childElementCount;
    this.blocks.insertAdjacentHTML("beforeend", html);
    this.decoration.decorate(this.blocks, last);
    const added = [...this.blocks.children].slice(count);
    this.notices.announce(added.map((node) => `${node.textContent} `).join(""));
  }

  showTail() {
    const { isCode, text } = uncoveredText(this.text, this.covered);
    this.tail.classList.toggle("ap-code", isCode);
    this.tail.textContent = text;
  }

  /** @param {string} text */
  addThought(text) {
    if (!text) return;
    if (!this.thinking) {
      this.thinking = document.createTextNode("");
      const tail = element("div", { class: "ap-tail", dir: "auto" }, this.thinking);
      this.thought.replaceChildren(element("details", {}, element("summary", {}, "Reasoning …"), tail));
    }
    this.thinking.appendData(text);
  }
}
