// Watches the kernel that a panel belongs to: it may go for good, or be out of reach.

import { goneText } from "./texts.js";

/**
 * What is told of the kernel.
 *
 * @typedef {object} StatusHooks
 * @property {(text: string) => void} gone called when no message will ever be answered
 * @property {(isAway: boolean) => void} away called when it is out of reach, and when it is back
 */

export class KernelStatus {
  /**
   * @param {WidgetModel} model
   * @param {StatusHooks} hooks
   */
  constructor(model, hooks) {
    this.model = model;
    this.hooks = hooks;
    this.kernel = model.widget_manager?.kernel; // JupyterLab and Notebook 7 have it
    this.session = ""; // of the process that the panel is in
    this.isGone = false;
    this.isAway = false;
    this.noteGone = this.noteGone.bind(this);
    this.noteDisposed = () => this.noteGone(null, "disposed");
    // A restart by this page breaks the widget's connection; one by another does not.
    this.noteBroken = () => this.noteGone(null, "restarting");
    this.noteConnection = this.noteConnection.bind(this);
    this.noteMessage = this.noteMessage.bind(this);
  }

  open() {
    this.model.on("comm_live_update", this.noteBroken);
    this.kernel?.statusChanged.connect(this.noteGone);
    this.kernel?.disposed.connect(this.noteDisposed);
    this.kernel?.connectionStatusChanged.connect(this.noteConnection);
    this.kernel?.iopubMessage?.connect(this.noteMessage);
  }

  close() {
    this.model.off("comm_live_update", this.noteBroken);
    this.kernel?.statusChanged.disconnect(this.noteGone);
    this.kernel?.disposed.disconnect(this.noteDisposed);
    this.kernel?.connectionStatusChanged.disconnect(this.noteConnection);
    this.kernel?.iopubMessage?.disconnect(this.noteMessage);
  }

  get isOffline() {
    return this.isGone || this.isAway;
  }

  get isBusy() {
    return this.kernel?.status === "busy";
  }

  /**
   * @param {unknown} _sender
   * @param {string} status
   */
  noteGone(_sender, status) {
    const text = goneText(status);
    // That it died is told after that it restarts.
    if (!text || (this.isGone && status !== "autorestarting" && status !== "dead")) return;
    this.isGone = true;
    this.hooks.gone(text);
  }

  /**
   * That a kernel starts may be told before the page listens; its session is another one.
   *
   * @param {unknown} _sender
   * @param {KernelOutput} message
   */
  noteMessage(_sender, { header, content }) {
    // Those two are of a kernel; others may be the server's own.
    if (content.execution_state !== "busy" && content.execution_state !== "idle") return;
    if (this.session && this.session !== header.session) this.noteGone(null, "restarting");
    this.session = header.session;
  }

  /**
   * @param {unknown} _sender
   * @param {string} status
   */
  noteConnection(_sender, status) {
    const isAway = status === "disconnected";
    if (this.isGone || isAway === this.isAway || status === "connecting") return;
    this.isAway = isAway;
    this.hooks.away(isAway);
  }
}
