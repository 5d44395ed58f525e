// The files that go along with the next question, each with a button to take it out.

import { button, element } from "./dom.js";
import { formatBytes } from "./texts.js";
/** @import { Notices } from "./notices.js" */

const LARGEST = 8_000_000; // bytes of all files of a question

export class Attachments {
  /**
   * @param {Notices} notices
   * @param {() => void} changed called when somebody has added or taken out files
   */
  constructor(notices, changed) {
    this.notices = notices;
    this.changed = changed;
    /** @type {File[]} */
    this.files = [];
    this.node = element("div", { class: "ap-files" });
  }

  /** @param {File[]} files */
  setFiles(files) {
    this.files = files;
    this.node.replaceChildren(...files.map((file) => this.chipOf(file)));
  }

  /** @param {File[]} added */
  add(added) {
    const files = [...this.files, ...added];
    const size = files.reduce((sum, file) => sum + file.size, 0);
    if (size <= LARGEST) this.setFiles(files);
    else this.notices.show(`That is ${formatBytes(size)}; a question can have ${formatBytes(LARGEST)} of files.`, { isBad: true });
    this.changed();
  }

  /**
   * Adds the files that were pasted or dropped, if there are some.
   *
   * @param {Event} event
   * @param {DataTransfer | null} data
   */
  addFrom(event, data) {
    const files = [...(data?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.add(files);
  }

  /** @param {File} file */
  chipOf(file) {
    const remove = () => {
      this.setFiles(this.files.filter((other) => other !== file));
      this.changed();
    };
    return element(
      "span",
      { class: "ap-chip" },
      `${file.name} · ${formatBytes(file.size)} `,
      button("×", remove, { "aria-label": `Remove ${file.name}` }),
    );
  }
}
