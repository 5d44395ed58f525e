// One turn of the transcript: its question and answer, and what can be done with it.

import { AnswerView } from "./answer.js";
import { codeOf } from "./decoration.js";
import { ALONE, button, element } from "./dom.js";
import { QuestionView } from "./question.js";
import { cellSource, footerText } from "./texts.js";
/** @import { Property } from "./dom.js" */
/** @import { Decoration } from "./decoration.js" */
/** @import { Delivery } from "./delivery.js" */
/** @import { Kernel } from "./kernel.js" */
/** @import { Notices } from "./notices.js" */
/** @import { Pictures } from "./pictures.js" */
/** @import { Sending } from "./question.js" */
/** @import { Stopping } from "./stopping.js" */
/** @import { WholeQuestions } from "./whole.js" */

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
 * @property {WholeQuestions} questions
 */

/** @typedef {[label: string, act: () => void, properties?: Record<string, Property>]} Action */

export class TurnView {
  /**
   * @param {TurnData} data
   * @param {Services} services
   */
  constructor(data, services) {
    const { decoration, notices, pictures, questions } = services;
    this.data = data;
    this.services = services;
    this.question = new QuestionView(pictures, () => questions.fetch(this.id));
    this.answer = new AnswerView(decoration, notices, pictures, () => this.ask("retry"));
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
    this.question.showText(data);
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

  /** The kernel that gave the answer is gone; what had come of it stays. */
  breakOff() {
    if (!this.data.open) return;
    this.node.classList.remove("ap-open");
    this.answer.breakOff();
    this.showFoot("", this.copying(this.answer.text));
  }

  /**
   * @param {EndedTurn} data
   * @returns {Action[]}
   */
  actionsOf({ text, can_continue }) {
    return [
      ...this.copying(text),
      ["Retry", () => this.ask("retry")],
      ...(can_continue ? [/** @type {Action} */ (["Continue", () => this.ask("continue")])] : []),
      ["Edit", () => void this.edit()],
      ["To a cell", () => void this.toCell()],
      ["Fork from here", () => this.request("fork")],
      ["Delete", () => this.request("delete")],
    ];
  }

  /**
   * @param {string} text
   * @returns {Action[]}
   */
  copying(text) {
    const copy = () => void this.services.delivery.copy(text, "Copied the answer as Markdown.");
    return text ? [["Copy", copy, { class: ALONE }]] : [];
  }

  /**
   * @param {string} footer
   * @param {Action[]} actions
   */
  showFoot(footer, actions) {
    const buttons = actions.map((action) => button(...action));
    this.foot.replaceChildren(
      element("span", { class: "ap-footer" }, footer),
      element("div", { class: "ap-actions" }, ...buttons),
    );
  }

  /** @param {"retry" | "continue"} kind */
  ask(kind) {
    this.services.kernel.request({ kind, turn: this.id, anyway: false });
  }

  /** @param {"fork" | "delete"} kind */
  request(kind) {
    this.services.kernel.request({ kind, turn: this.id });
  }

  edit() {
    /**
     * @param {string} text
     * @param {Sending} sending
     */
    const send = (text, { anyway, ended, again }) =>
      this.services.kernel.request(
        { kind: "edit", turn: this.id, text, anyway },
        { done: ({ ok }) => ended(ok), lost: () => ended(false), anyway: again },
      );
    return this.question.edit(send, () => this.foot.querySelector("button")?.focus());
  }

  async toCell() {
    const question = await this.question.wholeText();
    const codes = [...this.answer.blocks.querySelectorAll(".highlight pre")].map(codeOf);
    const { text, name } = cellSource(codes, question);
    void this.services.delivery.toCell(text, name);
  }
}
