// The box of the model: free text with a list of the server's models below it.

import { element, focusedBeside, uniqueId } from "./dom.js";
import { arrowStep, nextRow } from "./keys.js";
import { matchingModels } from "./texts.js";
/** @import { Kernel } from "./kernel.js" */
/** @import { Notices } from "./notices.js" */

const MOST_ROWS = 50;

export class ModelBox {
  /**
   * @param {Kernel} kernel
   * @param {Notices} notices
   * @param {() => void} entered called when somebody has chosen by Enter
   */
  constructor(kernel, notices, entered) {
    this.kernel = kernel;
    this.notices = notices;
    this.entered = entered;
    this.model = ""; // the conversation's
    /** @type {string[]} */
    this.ids = [];
    this.marked = -1;
    const id = uniqueId("models");
    this.list = element("ul", { class: "ap-models", id, role: "listbox", "aria-label": "Models", hidden: true });
    this.box = element("input", {
      class: "ap-input",
      type: "text",
      role: "combobox",
      "aria-label": "Model",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": id,
      maxlength: 500,
      autocomplete: "off",
      spellcheck: "false",
      onfocus: () => this.open(),
      oninput: () => this.showList(this.box.value),
      onkeydown: (event) => this.handleKey(event),
      onblur: () => this.choose(this.box.value),
    });
    this.node = element("div", { class: "ap-model" }, this.box, this.list);
  }

  /** @param {Frame} frame */
  showFrame({ model, default_model, fixed }) {
    this.model = model;
    this.box.disabled = Boolean(fixed);
    this.box.placeholder = default_model ?? "Model";
    if (focusedBeside(this.box) !== this.box) this.box.value = fixed ? (default_model ?? "") : model;
  }

  /** @param {ModelsMessage} message */
  showModels({ ids, problem }) {
    this.ids = ids;
    if (problem) this.notices.show(problem, { isBad: true });
    const isTyped = this.box.value !== this.model;
    if (focusedBeside(this.box) === this.box) this.showList(isTyped ? this.box.value : "");
  }

  open() {
    this.box.select();
    this.kernel.send({ kind: "models" });
    this.showList("");
  }

  /** @param {string} typed */
  showList(typed) {
    const rows = matchingModels(this.ids, typed)
      .slice(0, MOST_ROWS)
      .map((id) => this.rowOf(id));
    this.list.replaceChildren(...rows);
    this.setOpen(rows.length > 0);
  }

  /** @param {string} id */
  rowOf(id) {
    /** @param {PointerEvent} event */
    const choose = (event) => {
      event.preventDefault();
      this.choose(id);
    };
    return element("li", { role: "option", id: uniqueId("model"), "aria-selected": "false", onpointerdown: choose }, id);
  }

  /** @param {boolean} isOpen */
  setOpen(isOpen) {
    this.list.hidden = !isOpen;
    this.box.setAttribute("aria-expanded", String(isOpen));
    this.box.removeAttribute("aria-activedescendant");
    this.marked = -1;
  }

  /** @param {KeyboardEvent} event */
  handleKey(event) {
    const step = arrowStep(event);
    if (step && this.list.children.length) {
      event.preventDefault();
      this.mark(step);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      this.choose(this.list.children[this.marked]?.textContent ?? this.box.value);
      this.entered();
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.stopPropagation();
      this.box.value = this.model;
      this.setOpen(false);
    }
  }

  /** @param {number} step */
  mark(step) {
    const rows = this.list.children;
    rows[this.marked]?.setAttribute("aria-selected", "false");
    this.marked = nextRow(this.marked, step, rows.length);
    const row = rows[this.marked];
    row?.setAttribute("aria-selected", "true");
    row?.scrollIntoView({ block: "nearest" });
    this.box.setAttribute("aria-activedescendant", row?.id ?? "");
  }

  /** @param {string} typed */
  choose(typed) {
    const name = typed.trim();
    this.box.value = name;
    if (name !== this.model) this.kernel.request({ kind: "model", name });
    this.setOpen(false);
  }
}
