// Messages to and from the kernel. A request has a token, by which its outcome is known.

import { uniqueId } from "./dom.js";
import { KernelStatus } from "./status.js";
/** @import { Notices } from "./notices.js" */
/** @import { StatusHooks } from "./status.js" */

export const BUSY_AFTER = 700; // ms without a sign of the kernel
const LOST_AFTER = 10_000; // ms without a sign of a kernel that runs no cell
const LONGEST = 2_000_000; // characters of a text that the kernel takes
const TOO_LONG = `This was not sent: it has more than ${LONGEST.toLocaleString()} characters. Attach it as a file.`;
export const BUSY = "The kernel is busy with a cell; this is done when the cell ends.";
const SILENT = "The kernel does not answer. Was it restarted? Then run the cell with %chat panel again.";

/**
 * @typedef {object} RequestOptions
 * @property {(outcome: OutcomeMessage) => void} [done] called with the outcome
 * @property {() => void} [late] called where no outcome has come for a while
 * @property {() => void} [lost] called where none is to be expected any more; it may come all the same
 * @property {() => void} [anyway] sends what was held back
 * @property {ArrayBuffer[]} [buffers] the contents of files
 */

/**
 * @typedef {object} PendingRequest
 * @property {ActionRequest} message
 * @property {RequestOptions} options
 * @property {boolean} isTaken whether the kernel has it
 * @property {ReturnType<typeof setTimeout>[]} timers
 */

export class Kernel {
  /**
   * @param {WidgetModel} model
   * @param {Notices} notices
   * @param {StatusHooks} hooks
   */
  constructor(model, notices, { gone, away }) {
    this.model = model;
    this.notices = notices;
    this.view = uniqueId("view");
    /** @type {Partial<KernelHandlers>} */
    this.handlers = {};
    /** @type {Map<string, PendingRequest>} */
    this.pending = new Map();
    this.receive = this.receive.bind(this);
    const goneAfterAll = (/** @type {string} */ text) => {
      this.loseAll();
      gone(text);
    };
    this.status = new KernelStatus(model, { gone: goneAfterAll, away });
  }

  /** @param {Omit<KernelHandlers, "outcome" | "taken">} handlers */
  open(handlers) {
    this.handlers = {
      ...handlers,
      outcome: (message) => this.finishRequest(message),
      taken: ({ token }) => this.noteTaken(token),
    };
    this.model.on("msg:custom", this.receive);
    this.status.open();
    this.silent = setTimeout(() => this.status.isBusy || this.notices.show(SILENT), LOST_AFTER);
    this.send({ kind: "hello" });
  }

  close() {
    clearTimeout(this.silent);
    for (const { timers } of this.pending.values()) timers.forEach(clearTimeout);
    this.model.off("msg:custom", this.receive);
    this.send({ kind: "bye" });
    this.status.close();
  }

  /**
   * @param {Query} message
   */
  send(message) {
    this.post({ view: this.view, ...message });
  }

  /**
   * @param {object} message
   * @param {ArrayBuffer[]} [buffers]
   */
  post(message, buffers) {
    if (this.status.isGone) return;
    try {
      this.model.send(message, undefined, buffers);
    } catch {
      this.status.noteBroken();
    }
  }

  /**
   * @param {ActionRequest} message
   * @param {RequestOptions} options
   */
  request(message, options = {}) {
    if ("text" in message && message.text.length > LONGEST) {
      this.notices.show(TOO_LONG, { isBad: true });
      options.lost?.();
      return;
    }
    const token = uniqueId("token");
    const timers = [setTimeout(() => this.noteLate(token), BUSY_AFTER), this.lostTimer(token)];
    this.pending.set(token, { message, options, isTaken: false, timers });
    this.post({ ...message, token }, options.buffers);
    if (this.status.isGone) this.loseAll();
  }

  /**
   * @param {KernelMessage} message
   * @param {DataView[]} buffers
   */
  receive(message, buffers) {
    clearTimeout(this.silent);
    if ("to" in message && message.to && message.to !== this.view) return;
    const handle = /** @type {KernelHandler | undefined} */ (this.handlers[message.kind]);
    handle?.(message, buffers);
  }

  /** @param {string} token */
  noteTaken(token) {
    const request = this.pending.get(token);
    if (request) request.isTaken = true;
  }

  /** @param {string} token */
  noteLate(token) {
    const request = this.pending.get(token);
    if (!request) return;
    if (!request.isTaken) this.notices.show(BUSY);
    request.options.late?.();
  }

  /** @param {string} token */
  lostTimer(token) {
    return setTimeout(() => this.checkLost(token), LOST_AFTER);
  }

  /**
   * A cell that runs may keep a message waiting for as long as it takes.
   *
   * @param {string} token
   */
  checkLost(token) {
    const request = this.pending.get(token);
    if (!request || request.isTaken) return;
    if (this.status.isBusy) {
      request.timers.push(this.lostTimer(token));
      return;
    }
    this.notices.show(SILENT, { isBad: true });
    request.options.lost?.();
  }

  loseAll() {
    const requests = [...this.pending.values()];
    this.pending.clear();
    for (const { options, timers } of requests) {
      timers.forEach(clearTimeout);
      options.lost?.();
    }
  }

  /** @param {OutcomeMessage} outcome */
  finishRequest({ token, ...outcome }) {
    const request = this.pending.get(token);
    if (!request) return; // of another page
    const { message, options, timers } = request;
    timers.forEach(clearTimeout);
    this.pending.delete(token);
    options.done?.({ token, ...outcome });
    const { text, hint, ok } = outcome;
    this.notices.show(text, { hint, isBad: !ok, action: this.actionAfter(outcome, message, options) });
  }

  /**
   * @param {Omit<OutcomeMessage, "token">} outcome
   * @param {ActionRequest} message
   * @param {RequestOptions} options
   * @returns {[string, () => void] | undefined}
   */
  actionAfter({ undo, anyway }, message, options) {
    const sendAnyway = () => this.request(/** @type {ActionRequest} */ ({ ...message, anyway: true }), options);
    if (anyway) return ["Send anyway", options.anyway ?? sendAnyway];
    return undo ? ["Undo", () => this.request({ kind: "undo" })] : undefined;
  }
}
