// Messages to and from the kernel. A request has a token, by which its outcome is known.

import { uniqueId } from "./dom.js";
/** @import { Notices } from "./notices.js" */

export const BUSY_AFTER = 700; // ms without a sign of the kernel
export const BUSY = "The kernel is busy with a cell; this is done when the cell ends. (Was it restarted? Then run the panel's cell again.)";

/**
 * @typedef {object} RequestOptions
 * @property {(outcome: OutcomeMessage) => void} [done] called with the outcome
 * @property {() => void} [late] called where no outcome has come for a while
 * @property {ArrayBuffer[]} [buffers] the contents of files
 */

export class Kernel {
  /**
   * @param {WidgetModel} model
   * @param {Notices} notices
   */
  constructor(model, notices) {
    this.model = model;
    this.notices = notices;
    this.view = uniqueId("view");
    /** @type {Partial<KernelHandlers>} */
    this.handlers = {};
    /** @type {Map<string, {done?: RequestOptions["done"], timer: ReturnType<typeof setTimeout>}>} */
    this.pending = new Map();
    this.receive = this.receive.bind(this);
  }

  /** @param {Omit<KernelHandlers, "outcome">} handlers */
  open(handlers) {
    this.handlers = { ...handlers, outcome: (message) => this.finishRequest(message) };
    this.model.on("msg:custom", this.receive);
    this.send({ kind: "hello" });
  }

  close() {
    this.model.off("msg:custom", this.receive);
    this.send({ kind: "bye" });
  }

  /**
   * @param {Query} message
   */
  send(message) {
    this.model.send({ view: this.view, ...message });
  }

  /**
   * @param {ActionRequest} message
   * @param {RequestOptions} options
   */
  request(message, { done, late = () => this.notices.show(BUSY), buffers } = {}) {
    const token = uniqueId("token");
    this.pending.set(token, { done, timer: setTimeout(late, BUSY_AFTER) });
    this.model.send({ view: this.view, ...message, token }, undefined, buffers);
  }

  /**
   * @param {KernelMessage} message
   * @param {DataView[]} buffers
   */
  receive(message, buffers) {
    if ("to" in message && message.to && message.to !== this.view) return;
    const handle = /** @type {KernelHandler | undefined} */ (this.handlers[message.kind]);
    handle?.(message, buffers);
  }

  /** @param {OutcomeMessage} outcome */
  finishRequest(outcome) {
    const request = this.pending.get(outcome.token);
    if (!request) return; // of another page
    clearTimeout(request.timer);
    this.pending.delete(outcome.token);
    request.done?.(outcome);
    this.notices.show(outcome.text, { hint: outcome.hint, isBad: !outcome.ok, canUndo: outcome.undo });
  }
}
