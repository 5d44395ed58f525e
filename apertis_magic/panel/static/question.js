// A turn's question: its text and files, and the box in which it is edited.

import { button, element, fitHeight, uniqueId } from "./dom.js";
import { isSendKey } from "./keys.js";
import { clippedQuestion, formatBytes, isLongQuestion, piecesOf } from "./texts.js";
/** @import { Pictures } from "./pictures.js" */

/**
 * How an edited question is sent.
 *
 * @typedef {object} Sending
 * @property {boolean} anyway
 * @property {(isSent: boolean) => void} ended
 * @property {() => void} again sends what is in the box then, anyway
 */

export class QuestionView {
  /**
   * @param {Pictures} pictures
   * @param {() => Promise<string>} fetch gives the whole of it
   */
  constructor(pictures, fetch) {
    this.pictures = pictures;
    this.fetch = fetch;
    /** @type {HTMLTextAreaElement | null} */
    this.box = null; // in which it is edited
    this.isWhole = false; // whether all of a long one is shown
    this.text = "";
    this.rest = 0; // characters that the page does not have
    this.told = ""; // what the kernel told of it last
    const id = uniqueId("question");
    this.question = element("div", { class: "ap-question", dir: "auto", id });
    this.toggle = button("", () => void this.showWhole(!this.isWhole), { class: "ap-button ap-more", "aria-controls": id });
    this.files = element("div", { class: "ap-files" });
    this.node = element("div", { class: "ap-asked" }, this.question, this.toggle, this.files);
  }

  /** @param {TurnData} turn */
  showText({ question, rest, open }) {
    // One that is edited, at its end too, is under way before it is back.
    const told = rest ? `${open} ${rest} ${question}` : question;
    if (told !== this.told) {
      this.told = told;
      this.text = question;
      this.rest = rest;
      this.isWhole = false;
    }
    this.draw();
  }

  async wholeText() {
    if (this.rest) {
      this.text = await this.fetch();
      this.rest = 0;
    }
    return this.text;
  }

  /** @param {boolean} isWhole */
  async showWhole(isWhole) {
    if (isWhole) await this.wholeText();
    this.isWhole = isWhole;
    this.draw();
  }

  /** What it was changed to in its box; empty where it was not. */
  get edited() {
    const text = this.box?.value ?? "";
    return text === this.text ? "" : text;
  }

  draw() {
    if (this.box) return;
    const isLong = isLongQuestion(this.text);
    const isScrolled = isLong && this.isWhole;
    const shown = isScrolled
      ? piecesOf(this.text).map((piece) => element("div", {}, piece))
      : [clippedQuestion(this.text)];
    this.question.replaceChildren(...shown);
    this.showScrolled(isScrolled);
    this.toggle.hidden = !isLong;
    if (!isLong) return;
    const count = (this.text.length + this.rest).toLocaleString();
    this.toggle.textContent = this.isWhole ? "Show less" : `Show all (${count} characters)`;
    this.toggle.setAttribute("aria-expanded", String(this.isWhole));
    // What the page has needs no kernel.
    this.toggle.classList.toggle("ap-alone", !this.rest);
  }

  /**
   * All of a long one has its own scroll bar, which a keyboard must get to.
   *
   * @param {boolean} isScrolled
   */
  showScrolled(isScrolled) {
    this.question.classList.toggle("ap-long", isScrolled);
    if (isScrolled) this.question.tabIndex = 0;
    else this.question.removeAttribute("tabindex");
  }

  /** @param {TurnData} turn */
  showFiles({ id, files, open }) {
    const chips = files.map(({ name, size, picture }, number) => {
      const chip = element("figure", { class: "ap-chip" }, element("figcaption", {}, `${name} · ${formatBytes(size)}`));
      if (picture && !open) this.pictures.expect(chip, { turn: id, number, name, put: (image) => chip.prepend(image) });
      return chip;
    });
    this.files.replaceChildren(...chips);
  }

  /**
   * @param {(text: string, sending: Sending) => void} send
   * @param {() => void} closed called when the box is gone
   */
  async edit(send, closed) {
    const text = await this.wholeText();
    if (this.box) return;
    const box = element("textarea", { class: "ap-input", "aria-label": "Edit the question", dir: "auto" }, text);
    const close = () => {
      this.box = null;
      this.draw();
      closed();
    };
    const sendEdited = (anyway = false) => {
      if (box.readOnly) return;
      box.readOnly = true; // until it is known what came of it
      const ended = (/** @type {boolean} */ isSent) => {
        box.readOnly = false;
        if (isSent) close();
      };
      send(box.value, { anyway, ended, again: () => sendEdited(true) });
    };
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      } else if (isSendKey(event)) {
        event.preventDefault();
        sendEdited();
      }
    });
    this.showBox(box, [
      button("Send again", () => sendEdited(), { class: "ap-button ap-first" }),
      button("Cancel", close),
    ]);
  }

  /**
   * @param {HTMLTextAreaElement} box
   * @param {Element[]} buttons
   */
  showBox(box, buttons) {
    this.box = box;
    this.showScrolled(false);
    this.toggle.hidden = true;
    this.question.replaceChildren(box, element("div", { class: "ap-row" }, ...buttons));
    fitHeight(box);
    box.focus();
  }
}
