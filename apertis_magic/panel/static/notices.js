// What is told in words: a line above the message box, and what a screen reader speaks.

import { button, element } from "./dom.js";

/**
 * @typedef {object} Notice
 * @property {string} [hint] what to do about it
 * @property {boolean} [isBad] whether something is wrong
 * @property {[string, () => void]} [action] the button behind it
 */

export class Notices {
  /** @param {() => void} acted called when its button has been pressed, and is gone */
  constructor(acted) {
    this.acted = acted;
    this.line = element("div", { class: "ap-said", role: "status", dir: "auto" });
    this.spoken = element("div", { class: "ap-spoken", role: "status", "aria-live": "polite" });
  }

  /**
   * @param {string} text
   * @param {Notice} notice
   */
  show(text, { hint = "", isBad = false, action } = {}) {
    this.line.classList.toggle("ap-bad", isBad);
    this.line.replaceChildren(...[text, hint && ` ${hint} `].filter(Boolean));
    if (action) this.line.append(this.buttonOf(...action));
  }

  /**
   * @param {string} label
   * @param {() => void} act
   */
  buttonOf(label, act) {
    return button(label, () => {
      this.show("");
      act();
      this.acted();
    });
  }

  /** @param {string} text */
  announce(text) {
    this.spoken.append(element("p", {}, text.slice(0, 1000)));
    while (this.spoken.childElementCount > 10) this.spoken.firstElementChild?.remove();
  }
}
