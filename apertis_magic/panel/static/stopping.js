// Stops answers that are under way, by the Stop button, a turn's Cancel or Escape.

import { button } from "./dom.js";
import { BUSY, BUSY_AFTER } from "./kernel.js";
/** @import { Kernel } from "./kernel.js" */
/** @import { Notices } from "./notices.js" */

export class Stopping {
  /**
   * @param {Kernel} kernel
   * @param {Notices} notices
   */
  constructor(kernel, notices) {
    this.kernel = kernel;
    this.notices = notices;
    /** @type {string[]} */
    this.answering = [];
    this.button = button("Stop", () => this.stop(), { disabled: true });
  }

  /** @param {Frame} frame */
  showFrame({ answering }) {
    this.answering = answering;
    this.button.disabled = !answering.length;
  }

  /** @param {string} turn the id of one under way; "" for the first */
  stop(turn = "") {
    const first = turn || this.answering[0];
    if (this.kernel.status.isOffline || first === undefined) return;
    this.kernel.send({ kind: "stop", turn });
    setTimeout(() => {
      if (this.answering.includes(first) && !this.kernel.status.isOffline) this.notices.show(`${BUSY} Interrupting the kernel stops it at once.`);
    }, BUSY_AFTER);
  }
}
