// The page's side of the panel: draws what the kernel tells, and tells what people do.
//
// All HTML that is set was made and cleaned in the kernel; everything else that is not
// ours (questions, names, errors, what an answer ends in) becomes text nodes.

import { Banner } from "./banner.js";
import { Composer } from "./composer.js";
import { ConversationBar } from "./conversations.js";
import { Decoration } from "./decoration.js";
import { Delivery } from "./delivery.js";
import { focusedBeside } from "./dom.js";
import { keepDraft, takeDraft } from "./drafts.js";
import { Kernel } from "./kernel.js";
import { isSaveKey } from "./keys.js";
import { ModelBox } from "./models.js";
import { Notices } from "./notices.js";
import { RestoreOffer } from "./offer.js";
import { AWAY, OfflineLine } from "./offline.js";
import { OptionsDrawer } from "./options.js";
import { Pictures } from "./pictures.js";
import { Scroller } from "./scroller.js";
import { Stopping } from "./stopping.js";
import { Transcript } from "./transcript.js";
import { WholeQuestions } from "./whole.js";

class Panel {
  /**
   * @param {WidgetModel} model
   * @param {HTMLElement} root
   */
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.notices = new Notices(() => this.composer.focus());
    this.kernel = new Kernel(model, this.notices, {
      gone: (text) => this.goOffline(text),
      away: (isAway) => (isAway ? this.goOffline(AWAY) : this.goOnline()),
    });
    this.offline = new OfflineLine(root);
    this.stopping = new Stopping(this.kernel, this.notices);
    this.pictures = new Pictures(this.kernel, (change) => this.change(change));
    const delivery = new Delivery(root, this.notices);
    const decoration = new Decoration(model, delivery);
    this.questions = new WholeQuestions(this.kernel);
    const { kernel, notices, pictures, questions, stopping } = this;
    this.transcript = new Transcript({ kernel, notices, delivery, decoration, pictures, stopping, questions });
    this.offer = new RestoreOffer(kernel, () => this.composer.focus());
    this.scroller = new Scroller(kernel, this.transcript, this.offer.node);
    this.composer = new Composer(kernel, notices, stopping.button, {
      questions: () => this.transcript.questions,
      toLatest: () => this.scroller.toLatest(),
      showQueued: (node) => this.change(() => this.transcript.node.after(node)),
    });
    this.models = new ModelBox(kernel, notices, () => this.composer.focus());
    this.options = new OptionsDrawer(kernel, notices);
    this.bar = new ConversationBar(kernel, [this.models.node, this.options.toggle]);
    this.banner = new Banner(kernel);
    this.draw();
    kernel.open(this.handlers());
  }

  close() {
    this.scroller.close();
    this.pictures.close();
    this.kernel.close();
  }

  draw() {
    const { root } = this;
    root.classList.add("ap");
    root.setAttribute("role", "region");
    root.setAttribute("aria-label", "Chat");
    root.append(
      this.bar.node,
      this.bar.rename,
      this.options.node,
      this.banner.node,
      this.scroller.node,
      this.offline.node,
      this.notices.line,
      this.composer.node,
      this.notices.spoken,
    );
    // Else a key on a button of ours would be a command of the notebook. JupyterLab
    // looks for this from the element with the focus upwards, after its own selectors.
    root.addEventListener("focusin", ({ target }) => {
      if (target instanceof HTMLElement) target.dataset.lmSuppressShortcuts = "true";
    });
    root.addEventListener("keydown", (event) => this.handleKey(event));
    root.addEventListener("keyup", (event) => event.stopPropagation());
  }

  /** @returns {Omit<KernelHandlers, "outcome" | "taken">} */
  handlers() {
    return {
      hello: (message) => {
        this.options.addFields(message.fields);
        this.showFrame(message);
        const draft = takeDraft(this.model);
        if (draft) this.composer.addDraft(draft);
      },
      frame: (message) => this.showFrame(message),
      show: (message) => this.changeTurns(() => this.show(message)),
      splice: (message) => this.changeTurns(() => this.transcript.splice(message)),
      page: (message) => this.changeTurns(() => this.addPage(message)),
      stale: (message) => this.change(() => this.transcript.markStale(message)),
      grow: (message) => this.change(() => this.transcript.grow(message)),
      progress: ({ text }) => this.notices.show(text),
      models: (message) => this.models.showModels(message),
      picture: (message, buffers) => this.pictures.show(message, buffers),
      question: (message) => this.questions.show(message),
      restorable: (message) => this.offer.show(message),
    };
  }

  /** @param {Frame} frame */
  showFrame(frame) {
    for (const part of [this.bar, this.models, this.options, this.composer, this.stopping, this.banner]) {
      part.showFrame(frame);
    }
  }

  /** @param {ShowMessage} message */
  show(message) {
    this.scroller.waiting.textContent = "Nothing was asked yet. What %%chat asks in a cell appears here too.";
    this.transcript.show(message);
    this.scroller.isFollowing = true;
  }

  /** @param {PageMessage} message */
  addPage(message) {
    this.scroller.isFetching = false;
    this.transcript.addPage(message);
  }

  /** @param {() => void} change */
  changeTurns(change) {
    this.change(() => {
      change();
      this.scroller.showEdges();
    });
    if (!this.transcript.total) this.offer.ask();
  }

  /**
   * Changes the transcript; neither the reader's place nor the focus is lost.
   *
   * @param {() => void} change
   */
  change(change) {
    const hadFocus = this.transcript.node.contains(focusedBeside(this.root));
    this.scroller.keepPlace(change);
    // What had the focus may be gone; a keyboard must not start again at the top.
    if (hadFocus && !this.root.contains(focusedBeside(this.root))) this.composer.focus({ preventScroll: true });
  }

  /** @param {string} reason why the kernel does not answer */
  goOffline(reason) {
    this.notices.show("");
    if (this.kernel.status.isGone) {
      this.transcript.breakOff();
      const { draft } = this.composer;
      const texts = [draft.text, ...this.transcript.edits].filter(Boolean);
      keepDraft(this.model, { text: texts.join("\n\n"), files: draft.files });
    }
    this.offline.show(reason);
  }

  goOnline() {
    this.offline.show("");
    this.kernel.send({ kind: "hello" });
  }

  /** @param {KeyboardEvent} event */
  handleKey(event) {
    event.stopPropagation();
    if (isSaveKey(event)) this.passOn(event);
    else if (event.key === "Escape" && !this.bar.closeOpen()) this.stopping.stop();
  }

  /**
   * No key of ours is the notebook's, but for the one that saves it.
   *
   * @param {KeyboardEvent} event
   */
  passOn(event) {
    const { key, code, keyCode, ctrlKey, metaKey } = event;
    event.preventDefault();
    this.root.parentElement?.dispatchEvent(
      new KeyboardEvent("keydown", { key, code, keyCode, ctrlKey, metaKey, bubbles: true, cancelable: true }),
    );
  }
}

export default {
  /** @param {{model: WidgetModel, el: HTMLElement}} view */
  render({ model, el }) {
    const panel = new Panel(model, el);
    return () => panel.close();
  },
};
