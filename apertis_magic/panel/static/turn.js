// One turn of the transcript: its question and answer, and what can be done with it.

import { AnswerView } from "./answer.js";
import { codeOf } from "./decoration.js";
import { button, element } from "./dom.js";
import { QuestionView } from "./question.js";
import { cellSource, footerText } from "./texts.js";
/** @import { Decoration } from "./decoration.js" */
/** @import { Delivery } from "./delivery.js" */
/** @import { Kernel } from "./kernel.js" */
/** @import { Notices } from "./notices.js" */
/** @import { Pictures } from "./pictures.js" */
/** @import { Stopping } from "./stopping.js" */

/**
 * What all turns of a panel use.
 *
 * @typedef {object} Services
 * @property {Kernel} kernel
 * @property {Notices} notices
 * @property {Delivery} delivery
 * @property {Decoration} decoration
 * @property {Pictures} pictures
 * @property {Stopping} stopping
 */

export class TurnView {
  /**
   * @param {TurnData} data
   * @param {Services} services
   */
  constructor(data, services) {
    const { decoration, notices, pictures } = services;
    this.data = data;
    this.services = services;
    this.question = new QuestionView(pictures);
    this.answer = new AnswerView(decoration, notices, pictures, () => this.request("retry"));
    this.foot = element("div", { class: "ap-foot" });
    this.node = element("article", { class: "ap-turn" }, this.question.node, this.answer.node, this.foot);
    this.draw(null);
  }

  get id() {
    return this.data.id;
  }

  /** @param {TurnData} data */
  show(data) {
    const former = this.data;
    this.data = data;
    this.draw(former);
  }

  /** @param {TurnData | null} former what is shown of it until now */
  draw(former) {
    const { data } = this;
    this.node.setAttribute("aria-label", `Question: ${data.question.slice(0, 80)}`);
    this.node.classList.toggle("ap-open", data.open);
    this.question.showText(data.question);
    if (former?.open !== data.open) this.question.showFiles(data);
    this.answer.showBlocks(data, former === null);
    if (data.open) this.drawOpen(data);
    else this.drawEnded(data, former?.open ?? false);
  }

  /** @param {OpenTurn} data */
  drawOpen(data) {
    this.answer.showOpen(data);
    this.showFoot("", [["Cancel", () => this.services.stopping.stop(data.id)]]);
  }

  /**
   * @param {EndedTurn} data
   * @param {boolean} wasOpen
   */
  drawEnded(data, wasOpen) {
    if (wasOpen && data.error) this.services.notices.announce(`${data.error} ${data.hint}`);
    this.answer.showEnded(data);
    if (wasOpen) this.answer.announcePictures();
    this.showFoot(footerText(data), this.actionsOf(data));
  }

  /**
   * @param {EndedTurn} data
   * @returns {[string, () => void][]}
   */
  actionsOf({ text, can_continue }) {
    const copy = () => void this.services.delivery.copy(text, "Copied the answer as Markdown.");
    return [
      ...(text ? [/** @type {[string, () => void]} */ (["Copy", copy])] : []),
      ["Retry", () => this.request("retry")],
      ...(can_continue ? [/** @type {[string, () => void]} */ (["Continue", () => this.request("continue")])] : []),
      ["Edit", () => this.edit()],
      ["To a cell", () => this.toCell()],
      ["Fork from here", () => this.request("fork")],
      ["Delete", () => this.request("delete")],
    ];
  }

  /**
   * @param {string} footer
   * @param {[string, () => void][]} actions
   */
  showFoot(footer, actions) {
    const buttons = actions.map(([label, act]) => button(label, act));
    this.foot.replaceChildren(
      element("span", { class: "ap-footer" }, footer),
      element("div", { class: "ap-actions" }, ...buttons),
    );
  }

  /** @param {"retry" | "continue" | "fork" | "delete"} kind */
  request(kind) {
    this.services.kernel.request({ kind, turn: this.id });
  }

  edit() {
    this.question.edit(
      (text) => this.services.kernel.request({ kind: "edit", turn: this.id, text }),
      () => this.foot.querySelector("button")?.focus(),
    );
  }

  toCell() {
    const codes = [...this.answer.blocks.querySelectorAll(".highlight pre")].map(codeOf);
    const { text, name } = cellSource(codes, this.data.question);
    void this.services.delivery.toCell(text, name);
  }
}
