// Offers to bring back what the notebook's last kernel had, where nothing was asked yet.

import { button, element } from "./dom.js";
import { restoreLabel } from "./texts.js";
/** @import { Kernel } from "./kernel.js" */

export class RestoreOffer {
  /**
   * @param {Kernel} kernel
   * @param {() => void} restored called once it is back
   */
  constructor(kernel, restored) {
    this.kernel = kernel;
    this.restored = restored;
    this.node = element("div", { class: "ap-offer", hidden: true });
  }

  /** Asks what there is; the journal may take a while. */
  ask() {
    this.kernel.send({ kind: "restorable" });
  }

  /** @param {RestorableMessage} message */
  show({ turns, conversation, changed }) {
    this.node.hidden = !turns;
    if (!turns) return;
    const restore = () =>
      this.kernel.request({ kind: "restore" }, { done: ({ ok }) => ok && this.restored() });
    const when = new Date(changed * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    this.node.replaceChildren(
      button(restoreLabel(turns), restore, { class: "ap-button ap-first" }),
      element("small", {}, `This notebook's last conversation, ${conversation}, of ${when}.`),
    );
  }
}
