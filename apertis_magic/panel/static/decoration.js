// What answers get in the page: buttons on blocks of code, and typeset formulas.

import { ALONE, button, element } from "./dom.js";
/** @import { Delivery } from "./delivery.js" */

/** @param {Element} pre */
export const codeOf = (pre) => pre.textContent.replace(/\n$/, "");

export class Decoration {
  /**
   * @param {WidgetModel} model
   * @param {Delivery} delivery
   */
  constructor(model, delivery) {
    this.model = model;
    this.delivery = delivery;
  }

  /**
   * @param {Element} node
   * @param {Element | null} after the last element in the node that was there before
   */
  decorate(node, after = null) {
    /** @param {Element} part */
    const isNew = (part) => !after || Boolean(after.compareDocumentPosition(part) & Node.DOCUMENT_POSITION_FOLLOWING);
    for (const code of node.querySelectorAll(".highlight")) if (isNew(code)) this.addCodeActions(code);
    const typesetter = this.model.widget_manager?.rendermime?.latexTypesetter;
    if (!typesetter) return;
    for (const math of node.querySelectorAll(".arithmatex")) if (isNew(math)) typesetter.typeset(math);
  }

  /** @param {Element} code */
  addCodeActions(code) {
    const pre = code.querySelector("pre");
    if (!pre || code.querySelector(".ap-code-actions")) return;
    const copy = () => void this.delivery.copy(codeOf(pre), "Copied the code.");
    const toCell = () => void this.delivery.toCell(codeOf(pre), "The code");
    code.append(
      element(
        "div",
        { class: "ap-code-actions" },
        button("Copy", copy, { "aria-label": "Copy the code", class: ALONE }),
        button("To a cell", toCell, { "aria-label": "Put the code into a cell", class: ALONE }),
      ),
    );
  }
}
