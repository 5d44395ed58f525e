// A turn's answer: its thinking, blocks of HTML, the text that has none yet, and problems.

import { button, element } from "./dom.js";
import { uncoveredText } from "./texts.js";
/** @import { Decoration } from "./decoration.js" */
/** @import { Notices } from "./notices.js" */
/** @import { Pictures } from "./pictures.js" */

// All HTML that is set here was made and cleaned in the kernel.
export class AnswerView {
  /**
   * @param {Decoration} decoration
   * @param {Notices} notices
   * @param {Pictures} pictures
   * @param {() => void} retry
   */
  constructor(decoration, notices, pictures, retry) {
    this.decoration = decoration;
    this.notices = notices;
    this.pictures = pictures;
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
    this.belowHtml = "";
    this.problems = element("div");
    const parts = [this.thought, this.blocks, this.tail, this.status, this.below, this.problems];
    this.node = element("div", { class: "ap-answer" }, ...parts);
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
    this.expectPictures(this.blocks, turn.id);
  }

  /**
   * What is shown already is left alone: its pictures would have to come again.
   *
   * @param {string} html
   * @param {string} turn
   */
  showBelow(html, turn) {
    if (html === this.belowHtml) return;
    this.belowHtml = html;
    this.below.innerHTML = html;
    this.decoration.decorate(this.below);
    this.expectPictures(this.below, turn);
  }

  /**
   * @param {Element} node
   * @param {string} turn
   */
  expectPictures(node, turn) {
    for (const place of placesOf(node)) {
      const name = place.textContent;
      this.pictures.expect(place, {
        turn,
        number: Number(place.value),
        name,
        put: (image, type) => place.replaceWith(figureOf(image, type)),
      });
    }
  }

  announcePictures() {
    for (const place of placesOf(this.node)) this.notices.announce(place.textContent);
  }

  /** @param {OpenTurn} turn */
  showOpen({ thought, status }) {
    this.thinking = null;
    this.thought.replaceChildren();
    this.addThought(thought);
    this.showBelow("", "");
    this.problems.replaceChildren();
    this.status.textContent = status;
    this.showTail();
  }

  /** @param {EndedTurn} turn */
  showEnded({ id, thought, below, error, hint, failed }) {
    this.tail.textContent = "";
    this.status.textContent = "";
    this.thought.innerHTML = thought;
    this.showBelow(below, id);
    this.problems.replaceChildren();
    if (error) this.addProblem(error, hint);
    if (failed) this.addProblem(`The last try failed: ${failed[0]}`, failed[1]);
  }

  /** Says of an answer under way that no more of it comes. */
  breakOff() {
    this.status.textContent = "";
    const text = this.text ? "Broken off; what had come is above." : "Broken off before anything came.";
    this.problems.replaceChildren(element("div", { class: "ap-problem" }, element("strong", {}, text)));
  }

  /**
   * @param {string} text
   * @param {string} hint
   */
  addProblem(text, hint) {
    const retry = button("Retry", this.retry, { "aria-label": "Try again" });
    const problem = element("strong", {}, text);
    this.problems.append(element("div", { class: "ap-problem" }, problem, hint && element("div", {}, hint), retry));
  }

  /** @param {GrowMessage} news */
  grow({ anew, text, thought, status, blocks, covered }) {
    if (anew) this.begin();
    if (text) this.text += text;
    if (thought) this.addThought(thought);
    if (status !== undefined) this.status.textContent = status;
    if (blocks) {
      for (const html of blocks) this.addBlock(html);
      this.covered = covered ?? this.covered;
    }
    if (text || blocks) this.showTail();
  }

  /** What was shown is not the answer after all; all of it comes again. */
  begin() {
    this.text = "";
    this.covered = 0;
    this.blocks.replaceChildren();
    if (this.thinking) this.thinking.data = "";
    this.showTail();
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

/**
 * Where pictures are to stand; the kernel alone makes such elements.
 *
 * @param {Element} node
 * @returns {NodeListOf<HTMLDataElement>}
 */
const placesOf = (node) => node.querySelectorAll("data.ap-picture");

/**
 * A picture that can be opened alone, and saved.
 *
 * @param {HTMLImageElement} image
 * @param {string} type
 */
const figureOf = (image, type) => {
  const { alt, src } = image;
  const open = element("a", { href: src, target: "_blank", title: "Open it alone" }, image);
  const download = `picture.${type.replace("image/", "")}`;
  const save = element("a", { class: "ap-save", href: src, download, "aria-label": `Save ${alt}` }, "Save");
  return element("figure", { class: "ap-picture" }, open, element("figcaption", {}, `${alt} · `, save));
};
