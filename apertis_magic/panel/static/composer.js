// Where a question is written: the message box, what is attached, and what is below it.

import { Attachments } from "./attachments.js";
import { button, element, fitHeight } from "./dom.js";
import { isSendKey, recallStep } from "./keys.js";
import { clippedQuestion, recalledQuestion } from "./texts.js";
/** @import { Draft } from "./drafts.js" */
/** @import { Kernel } from "./kernel.js" */
/** @import { Notices } from "./notices.js" */
/** @import { QuestionView } from "./question.js" */

/**
 * What the composer needs of the transcript.
 *
 * @typedef {object} ComposerHooks
 * @property {() => QuestionView[]} questions those that are shown, the oldest first
 * @property {() => void} toLatest goes to the end
 * @property {(node: Element) => void} showQueued puts a question that waits below the turns
 */

export class Composer {
  /**
   * @param {Kernel} kernel
   * @param {Notices} notices
   * @param {Element} stopButton
   * @param {ComposerHooks} hooks
   */
  constructor(kernel, notices, stopButton, hooks) {
    this.kernel = kernel;
    this.notices = notices;
    this.hooks = hooks;
    this.recalled = 0; // which question is in the box, counted from the end
    this.attachments = new Attachments(notices, () => this.focus());
    this.totals = element("span", { class: "ap-footer" });
    this.box = element("textarea", {
      class: "ap-input ap-message",
      rows: 1,
      "aria-label": "Message",
      placeholder: "Message",
      dir: "auto",
      oninput: () => fitHeight(this.box),
      onkeydown: (event) => this.handleKey(event),
      onpaste: (event) => this.attachments.addFrom(event, event.clipboardData),
    });
    this.node = this.draw(stopButton);
  }

  /** @param {Element} stopButton */
  draw(stopButton) {
    const picker = element("input", { type: "file", multiple: true, hidden: true, "aria-label": "Files", onchange: () => {
      this.attachments.add([...(picker.files ?? [])]);
      picker.value = "";
    } });
    const row = element(
      "div",
      { class: "ap-row" },
      button("Attach", () => picker.click(), { "aria-label": "Attach files" }),
      this.totals,
      stopButton,
      button("Send", () => void this.sendMessage(), { class: "ap-button ap-first" }),
    );
    return element(
      "div",
      {
        class: "ap-compose",
        ondragover: (event) => event.preventDefault(),
        ondrop: (event) => this.attachments.addFrom(event, event.dataTransfer),
      },
      this.attachments.node,
      this.box,
      row,
      picker,
    );
  }

  /** @param {Frame} frame */
  showFrame({ totals }) {
    this.totals.textContent = totals;
  }

  /** @param {FocusOptions} [options] */
  focus(options) {
    this.box.focus(options);
  }

  /** @param {KeyboardEvent} event */
  handleKey(event) {
    const step = recallStep(event);
    if (this.box.readOnly) return;
    if (isSendKey(event)) {
      event.preventDefault();
      void this.sendMessage();
    } else if (step) {
      event.preventDefault();
      void this.recall(step);
    }
  }

  /** @param {number} step */
  async recall(step) {
    const { recalled, question } = recalledQuestion(this.hooks.questions(), this.recalled, step);
    this.recalled = recalled;
    this.setText((await question?.wholeText()) ?? "");
  }

  /** @param {string} text */
  setText(text) {
    this.box.value = text;
    fitHeight(this.box);
  }

  async sendMessage(anyway = false) {
    const text = this.box.value;
    const { files } = this.attachments;
    if (!text.trim()) return;
    const buffers = await Promise.all(files.map((file) => file.arrayBuffer()));
    this.recalled = 0;
    this.setDraft({ text: "", files: [] });
    this.hooks.toLatest();
    const names = files.map((file) => file.name);
    const sent = this.follow({ text, files });
    this.kernel.request({ kind: "ask", text, names, anyway }, { ...sent, buffers });
  }

  /**
   * Shows a question that has to wait, and gives back one that was not asked.
   *
   * @param {Draft} draft
   */
  follow(draft) {
    const question = element("div", { class: "ap-question", dir: "auto" }, clippedQuestion(draft.text));
    const queued = element("article", { class: "ap-turn ap-queued" }, question);
    let isBack = false;
    const giveBack = () => {
      queued.remove();
      if (!isBack) this.addDraft(draft);
      isBack = true;
    };
    /** @param {OutcomeMessage} outcome */
    const done = ({ ok }) => {
      queued.remove();
      if (!ok) giveBack();
      else if (isBack && this.box.value === draft.text) this.setDraft({ text: "", files: [] });
    };
    return {
      done,
      late: () => this.hooks.showQueued(queued),
      lost: giveBack,
      anyway: () => void this.sendMessage(true),
    };
  }

  /** @returns {Draft} */
  get draft() {
    return { text: this.box.value, files: this.attachments.files };
  }

  /** @param {Draft} draft */
  setDraft({ text, files }) {
    this.attachments.setFiles(files);
    this.setText(text);
  }

  /**
   * Puts what was typed before what is typed now.
   *
   * @param {Draft} draft
   */
  addDraft({ text, files }) {
    this.setDraft({
      text: [text, this.box.value].filter(Boolean).join("\n"),
      files: [...files, ...this.attachments.files],
    });
  }
}
