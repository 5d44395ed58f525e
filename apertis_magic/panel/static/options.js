// The drawer with the system prompt and the fields of the request.

import { button, element, focusedBeside, uniqueId } from "./dom.js";
/** @import { Kernel } from "./kernel.js" */
/** @import { Notices } from "./notices.js" */

const NOTE = "What is blank is not sent. These hold for what is asked here; the system prompt is the conversation's.";

/** @typedef {HTMLInputElement | HTMLTextAreaElement} Box */

/** @param {Partial<RequestField>} field */
const inputType = ({ number }) => (number ? "number" : "text");

/**
 * A box with a label above it and help below.
 *
 * @param {Partial<RequestField> & {label: string}} field
 * @param {(text: string, box: Box) => void} changed
 */
const labelledBox = (field, changed) => {
  const id = uniqueId("field");
  /** @type {Box} */
  const box = element(field.lines ? "textarea" : "input", {
    class: "ap-input",
    id,
    type: field.lines ? null : inputType(field),
    rows: field.lines ? 2 : null,
    step: field.step,
    min: field.low,
    max: field.high,
    dir: field.number ? null : "auto",
    "aria-describedby": `${id}-help`,
    onchange: () => changed(box.value, box),
  });
  const help = [field.help, field.range].filter(Boolean).join("; ");
  const label = element("label", { for: id }, field.label);
  const node = element("div", { class: "ap-field" }, label, box, element("small", { id: `${id}-help` }, help));
  return { node, box };
};

/**
 * @param {Box} box
 * @param {boolean} isBad
 */
const markInvalid = (box, isBad) => box.setAttribute("aria-invalid", String(isBad));

/** @param {Box} box */
const isInvalid = (box) => box.getAttribute("aria-invalid") === "true";

export class OptionsDrawer {
  /**
   * @param {Kernel} kernel
   * @param {Notices} notices
   */
  constructor(kernel, notices) {
    this.kernel = kernel;
    this.notices = notices;
    /** @type {Map<string, Box>} */
    this.boxes = new Map();
    this.system = labelledBox(
      { label: "System prompt", lines: true, help: "what the model is told before the conversation" },
      (text, box) => this.kernel.request({ kind: "system", text }, { done: ({ ok }) => markInvalid(box, !ok) }),
    );
    this.grid = element("div", { class: "ap-grid" });
    const id = uniqueId("options");
    const note = element("p", { class: "ap-note" }, NOTE);
    this.node = element("div", { class: "ap-drawer", id, hidden: true }, this.system.node, this.grid, note);
    this.toggle = button("Options", () => this.show(Boolean(this.node.hidden)), { "aria-expanded": "false", "aria-controls": id });
  }

  /** @param {boolean} isShown */
  show(isShown) {
    this.node.hidden = !isShown;
    this.toggle.setAttribute("aria-expanded", String(isShown));
  }

  /**
   * Makes the fields, unless they are there.
   *
   * @param {RequestField[]} fields
   */
  addFields(fields) {
    if (this.boxes.size) return;
    for (const field of fields) {
      const { node, box } = labelledBox(field, (text, changed) => this.setOption(field.name, text, changed));
      this.boxes.set(field.name, box);
      this.grid.append(node);
    }
  }

  /**
   * @param {string} name
   * @param {string} text
   * @param {Box} box
   */
  setOption(name, text, box) {
    // A number field gives "" for what is no number; that must not pass for blank.
    if (box.validity.badInput) {
      this.notices.show("That is not a number.", { isBad: true });
      return;
    }
    this.kernel.request(
      { kind: "option", name, text },
      { done: ({ ok }) => markInvalid(box, !ok) },
    );
  }

  /** @param {Frame} frame */
  showFrame(frame) {
    const focused = focusedBeside(this.node);
    const { box: system } = this.system;
    if (focused !== system && !isInvalid(system)) system.value = frame.system;
    system.placeholder = frame.default_system || "none";
    for (const [name, box] of this.boxes) {
      if (focused !== box && !isInvalid(box)) box.value = frame.options[name] ?? "";
      box.placeholder = frame.defaults[name] ?? "unset";
    }
  }
}
