// The bar at the top: which conversation is shown, and what is done with it as a whole.

import { button, element } from "./dom.js";
/** @import { Kernel } from "./kernel.js" */

export class ConversationBar {
  /**
   * @param {Kernel} kernel
   * @param {Element[]} others what else stands in the bar
   */
  constructor(kernel, others) {
    this.kernel = kernel;
    this.conversation = ""; // the name of the one that is shown
    this.names = element("select", {
      class: "ap-input ap-names",
      "aria-label": "Conversation",
      onchange: () => this.kernel.request({ kind: "use", name: this.names.value }),
    });
    this.menu = this.drawMenu();
    this.newName = element("input", { class: "ap-input", type: "text", maxlength: 100, "aria-label": "New name" });
    this.rename = this.drawRename();
    this.node = element(
      "div",
      { class: "ap-head" },
      this.names,
      button("New", () => this.kernel.request({ kind: "new" }), { "aria-label": "New conversation" }),
      this.menu,
      ...others,
    );
  }

  drawMenu() {
    /**
     * @param {string} label
     * @param {() => void} act
     */
    const choice = (label, act) =>
      button(label, () => {
        menu.open = false;
        act();
      });
    /** @param {string} name */
    const exportChoice = (name) => choice(`Export .${name}`, () => this.kernel.request({ kind: "export", name }));
    const menu = element(
      "details",
      { class: "ap-menu" },
      element("summary", { class: "ap-button" }, "More"),
      element(
        "div",
        { class: "ap-choices" },
        choice("Rename", () => this.showRename(true)),
        choice("Fork", () => this.kernel.request({ kind: "fork", turn: "" })),
        choice("Delete", () => this.kernel.request({ kind: "remove", name: this.conversation })),
        ...["ipynb", "md", "json"].map(exportChoice),
      ),
    );
    menu.addEventListener("focusout", ({ relatedTarget }) => {
      if (!menu.contains(/** @type {Node | null} */ (relatedTarget))) menu.open = false;
    });
    return menu;
  }

  drawRename() {
    /** @param {Event} event */
    const submit = (event) => {
      event.preventDefault();
      this.kernel.request({ kind: "rename", name: this.newName.value });
      this.showRename(false);
    };
    return element(
      "form",
      { class: "ap-row ap-rename", hidden: true, onsubmit: submit },
      this.newName,
      element("button", { type: "submit", class: "ap-button ap-first" }, "Rename"),
      button("Cancel", () => this.showRename(false)),
    );
  }

  /** @param {boolean} isShown */
  showRename(isShown) {
    this.rename.hidden = !isShown;
    this.newName.value = this.conversation;
    if (isShown) this.newName.select();
    else this.names.focus();
  }

  /** @param {Frame} frame */
  showFrame({ conversation, conversations }) {
    this.conversation = conversation;
    const shown = [...this.names.options].map((option) => option.value);
    if (JSON.stringify(conversations) !== JSON.stringify(shown)) {
      this.names.replaceChildren(...conversations.map((name) => element("option", { value: name }, name)));
    }
    this.names.value = conversation;
  }

  /**
   * Closes the menu or the form that is open.
   *
   * @returns {boolean} whether there was one
   */
  closeOpen() {
    if (this.menu.open) {
      this.menu.open = false;
      this.menu.querySelector("summary")?.focus();
      return true;
    }
    const isRenaming = !this.rename.hidden;
    if (isRenaming) this.showRename(false);
    return isRenaming;
  }
}
