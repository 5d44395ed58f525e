// Says above the transcript what keeps every question from being answered.

import { button, element } from "./dom.js";
/** @import { Kernel } from "./kernel.js" */

export class Banner {
  /** @param {Kernel} kernel */
  constructor(kernel) {
    this.kernel = kernel;
    this.node = element("div", { class: "ap-banner", hidden: true });
  }

  /** @param {Frame} frame */
  showFrame({ problem, local }) {
    this.node.hidden = !problem;
    if (!problem) return;
    const [text, hint] = problem;
    const useLocal = () => this.kernel.request({ kind: "local" });
    this.node.replaceChildren(element("strong", {}, text), ` ${hint} `);
    if (local) this.node.append(button("Use the local model", useLocal));
  }
}
