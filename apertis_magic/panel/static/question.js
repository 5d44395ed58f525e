// A turn's question: its text and files, and the box in which it is edited.

import { button, element, fitHeight } from "./dom.js";
import { isSendKey } from "./keys.js";
import { formatBytes, isLongQuestion } from "./texts.js";
/** @import { Pictures } from "./pictures.js" */

export class QuestionView {
  /** @param {Pictures} pictures */
  constructor(pictures) {
    this.pictures = pictures;
    this.isEdited = false;
    this.text = "";
    this.question = element("div", { class: "ap-question", dir: "auto" });
    this.files = element("div", { class: "ap-files" });
    this.node = element("div", { class: "ap-asked" }, this.question, this.files);
  }

  /** @param {string} text */
  showText(text) {
    this.text = text;
    if (this.isEdited) return;
    // A long one has its own scroll bar, which a keyboard must get to.
    const isLong = isLongQuestion(text);
    this.question.textContent = text;
    this.question.classList.toggle("ap-long", isLong);
    this.question.toggleAttribute("tabindex", isLong);
    if (isLong) this.question.tabIndex = 0;
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
   * @param {(text: string) => void} send
   * @param {() => void} closed called when the box is gone
   */
  edit(send, closed) {
    const box = element("textarea", { class: "ap-input", "aria-label": "Edit the question", dir: "auto" });
    const close = () => {
      this.isEdited = false;
      this.showText(this.text);
      closed();
    };
    const sendEdited = () => {
      send(box.value);
      close();
    };
    box.value = this.text;
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      } else if (isSendKey(event)) {
        event.preventDefault();
        sendEdited();
      }
    });
    this.isEdited = true;
    this.question.classList.remove("ap-long");
    const first = button("Send again", sendEdited, { class: "ap-button ap-first" });
    this.question.replaceChildren(box, element("div", { class: "ap-row" }, first, button("Cancel", close)));
    fitHeight(box);
    box.focus();
  }
}
