// The panel without its kernel: a line says so, and what needs the kernel is disabled.

import { element } from "./dom.js";

export const AWAY = "The connection to the kernel is lost; the panel goes on when it is back.";

export class OfflineLine {
  /** @param {HTMLElement} root the panel */
  constructor(root) {
    this.root = root;
    this.node = element("div", { class: "ap-banner ap-gone", role: "alert", hidden: true });
  }

  /** @param {string} text empty where the kernel is there */
  show(text) {
    const isOffline = Boolean(text);
    this.node.hidden = !isOffline;
    this.node.textContent = text;
    this.root.classList.toggle("ap-offline", isOffline);
    // What was typed can still be read and copied.
    for (const box of this.root.querySelectorAll("textarea, input")) {
      /** @type {HTMLInputElement} */ (box).readOnly = isOffline;
      box.setAttribute("aria-disabled", String(isOffline));
    }
    for (const control of this.root.querySelectorAll("select, button:not(.ap-alone)")) {
      /** @type {HTMLButtonElement} */ (control).disabled = isOffline;
    }
  }
}
