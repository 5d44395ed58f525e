// The page's side of the panel: draws what the kernel tells, and tells what people do.
//
// All HTML that is set here was made and cleaned in the kernel; everything else that is
// not ours (questions, names, errors, what an answer ends in) becomes text nodes.

const NEAR_END = 32; // pixels from the end at which a reader counts as being there
const MOST = 120; // turns in the page; those far from the reader are fetched again
const PAGE = 20;
const BUSY_AFTER = 700; // ms without a sign of the kernel
const LARGEST = 8_000_000; // bytes of all files of a question
const BUSY = "The kernel is busy with a cell; this is done when the cell ends. (Was it restarted? Then run the panel's cell again.)";

const h = (tag, props = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
};

const button = (label, onclick, props = {}) =>
  h("button", { type: "button", class: "ap-button", onclick, ...props }, label);

let number = 0;
const unique = (name) => `ap-${name}-${Date.now().toString(36)}-${(number += 1)}`;

const bytes = (size) =>
  size < 1000 ? `${size} B` : size < 1e6 ? `${Math.round(size / 1000)} KB` : `${(size / 1e6).toFixed(1)} MB`;

// ---- one turn -----------------------------------------------------------------------

class Turn {
  constructor(panel, item) {
    this.panel = panel;
    this.question = h("div", { class: "ap-question", dir: "auto" });
    this.files = h("div", { class: "ap-files" });
    this.thought = h("div", { class: "ap-thought" });
    this.blocks = h("div", { class: "ap-blocks apertis-answer" });
    this.tail = h("div", { class: "ap-tail", dir: "auto" });
    this.status = h("div", { class: "ap-status" });
    this.below = h("div", { class: "ap-below apertis-answer" });
    this.foot = h("div", { class: "ap-foot" });
    this.node = h(
      "article",
      { class: "ap-turn" },
      h("div", { class: "ap-asked" }, this.question, this.files),
      h("div", { class: "ap-answer" }, this.thought, this.blocks, this.tail, this.status, this.below),
      this.foot,
    );
    this.show(item);
  }

  show(item) {
    const was = this.item;
    this.item = item;
    this.text = item.text;
    this.node.setAttribute("aria-label", `Question: ${item.question.slice(0, 80)}`);
    this.node.classList.toggle("ap-open", item.open);
    if (!this.editing) this.showQuestion();
    if (was?.open !== item.open) this.showFiles();
    if (item.html !== null || !was) this.setHtml(item.html ?? "");
    if (was?.open && item.error) this.panel.announce(`${item.error} ${item.hint}`);
    if (item.open) this.showOpen();
    else this.showEnded();
  }

  // A long one has its own scroll bar, which a keyboard must get to.
  showQuestion() {
    const { question } = this.item;
    const isLong = question.length > 2000 || question.split("\n").length > 16;
    this.question.textContent = question;
    this.question.classList.toggle("ap-long", isLong);
    this.question.toggleAttribute("tabindex", isLong);
    if (isLong) this.question.tabIndex = 0;
  }

  setHtml(html) {
    this.blocks.innerHTML = html;
    this.covered = this.item.open ? this.item.covered : this.text.length;
    this.panel.decorate(this.blocks);
  }

  showOpen() {
    this.thinking = null;
    this.thought.replaceChildren();
    this.think(this.item.thought);
    this.below.replaceChildren();
    this.status.textContent = this.item.status;
    this.showTail();
    this.foot.replaceChildren(
      h("span", { class: "ap-footer" }),
      this.actions(["Cancel", () => this.panel.stop(this.item.id)]),
    );
  }

  showEnded() {
    const { item } = this;
    this.tail.textContent = "";
    this.status.textContent = "";
    this.thought.innerHTML = item.thought;
    this.below.innerHTML = item.below;
    if (item.error) this.below.append(this.problem(item.error, item.hint));
    if (item.failed) this.below.append(this.problem(`The last try failed: ${item.failed[0]}`, item.failed[1]));
    this.panel.decorate(this.below);
    const marks = [item.stale && "stale: a turn above it has changed", item.cell && "asked in a cell"];
    this.foot.replaceChildren(
      h("span", { class: "ap-footer" }, [item.footer, ...marks].filter(Boolean).join(" · ")),
      this.actions(
        item.text && ["Copy", () => this.panel.copy(item.text, "Copied the answer as Markdown.")],
        ["Retry", () => this.panel.ask_for({ kind: "retry", turn: item.id })],
        item.can_continue && ["Continue", () => this.panel.ask_for({ kind: "continue", turn: item.id })],
        ["Edit", () => this.edit()],
        ["To a cell", () => this.toCell()],
        ["Fork from here", () => this.panel.ask_for({ kind: "fork", turn: item.id })],
        ["Delete", () => this.panel.ask_for({ kind: "delete", turn: item.id })],
      ),
    );
  }

  actions(...given) {
    const buttons = given.filter(Boolean).map(([label, act]) => button(label, act));
    return h("div", { class: "ap-actions" }, ...buttons);
  }

  problem(text, hint) {
    return h(
      "div",
      { class: "ap-problem" },
      h("strong", {}, text),
      hint && h("div", {}, hint),
      button("Retry", () => this.panel.ask_for({ kind: "retry", turn: this.item.id }), { "aria-label": "Try again" }),
    );
  }

  grow(news) {
    if (news.text) this.text += news.text;
    if (news.thought) this.think(news.thought);
    if (news.status !== undefined) this.status.textContent = news.status;
    if (news.blocks) {
      for (const html of news.blocks) this.addBlock(html);
      this.covered = news.covered;
    }
    if (news.text || news.blocks) this.showTail();
  }

  addBlock(html) {
    const from = this.blocks.lastElementChild;
    this.blocks.insertAdjacentHTML("beforeend", html);
    this.panel.decorate(this.blocks, from);
    let said = "";
    for (let n = from ? from.nextElementSibling : this.blocks.firstElementChild; n; n = n.nextElementSibling) said += `${n.textContent} `;
    this.panel.announce(said);
  }

  showTail() {
    const open = this.text.slice(this.covered);
    const fence = /^\s*(`{3,}|~{3,})[^\n]*\n?/.exec(open);
    this.tail.classList.toggle("ap-code", Boolean(fence));
    this.tail.textContent = fence ? open.slice(fence[0].length) : open;
  }

  think(more) {
    if (!more) return;
    if (!this.thinking) {
      this.thinking = document.createTextNode("");
      this.thought.replaceChildren(
        h("details", {}, h("summary", {}, "Reasoning …"), h("div", { class: "ap-tail", dir: "auto" }, this.thinking)),
      );
    }
    this.thinking.appendData(more);
  }

  showFiles() {
    this.files.replaceChildren(
      ...this.item.files.map((file, at) => {
        const chip = h("figure", { class: "ap-chip" }, h("figcaption", {}, `${file.name} · ${bytes(file.size)}`));
        if (file.picture && !this.item.open) this.panel.picture(this.item.id, at, file.name, chip);
        return chip;
      }),
    );
  }

  edit() {
    const box = h("textarea", { class: "ap-input", "aria-label": "Edit the question", dir: "auto" });
    const done = () => {
      this.editing = false;
      this.showQuestion();
      this.foot.querySelector("button")?.focus();
    };
    const send = () => {
      this.panel.ask_for({ kind: "edit", turn: this.item.id, text: box.value });
      done();
    };
    box.value = this.item.question;
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") (event.stopPropagation(), done());
      if (sends(event)) (event.preventDefault(), send());
    });
    this.editing = true;
    this.question.classList.remove("ap-long");
    this.question.replaceChildren(
      box,
      h("div", { class: "ap-row" }, button("Send again", send, { class: "ap-button ap-first" }), button("Cancel", done)),
    );
    fit(box);
    box.focus();
  }

  toCell() {
    const codes = [...this.blocks.querySelectorAll(".highlight pre")].map(codeOf);
    if (codes.length) this.panel.toCell(codes.join("\n\n"), "The answer's code");
    else this.panel.toCell(`%%chat\n${this.item.question}`, "The question");
  }
}

const codeOf = (pre) => pre.textContent.replace(/\n$/, "");

// An input method's own Enter chooses a word, and sends nothing.
const sends = (event) =>
  event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229;

const fit = (box) => {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 240)}px`;
};

// ---- the panel ----------------------------------------------------------------------

class Panel {
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.view = unique("view");
    this.turns = []; // those in the page
    this.start = 0; // the number of the first of them
    this.total = 0;
    this.frame = {};
    this.waiting = new Map(); // what was asked of the kernel, by token
    this.pictures = new Map();
    this.attached = [];
    this.recalled = 0;
    this.following = true;
    this.draw();
    this.onMessage = (message, buffers) => this.take(message, buffers);
    model.on("msg:custom", this.onMessage);
    this.send({ kind: "hello" });
  }

  close() {
    this.model.off("msg:custom", this.onMessage);
    this.sight.disconnect();
    this.send({ kind: "bye" });
  }

  // -- drawing

  draw() {
    this.root.classList.add("ap");
    this.root.setAttribute("role", "region");
    this.root.setAttribute("aria-label", "Chat");
    // Else a key on a button of ours would be a command of the notebook. JupyterLab
    // looks for this from the element with the focus upwards, after its own selectors.
    this.root.addEventListener("focusin", ({ target }) => {
      target.dataset.lmSuppressShortcuts = "true";
    });
    this.log = h("div", { class: "ap-log", role: "log", "aria-label": "Conversation", "aria-live": "off", tabindex: "0" });
    this.older = h("div", { class: "ap-edge" });
    this.newer = h("div", { class: "ap-edge" });
    this.list = h("div", { class: "ap-turns" });
    this.empty = h("p", { class: "ap-empty" }, "Waiting for the kernel …");
    this.log.append(this.older, this.empty, this.list, this.newer);
    this.latest = button("↓ Latest", () => this.toLatest(), { class: "ap-button ap-latest", hidden: true });
    this.spoken = h("div", { class: "ap-spoken", role: "status", "aria-live": "polite" });
    this.said = h("div", { class: "ap-said", role: "status", dir: "auto" });
    this.banner = h("div", { class: "ap-banner", hidden: true });
    this.root.append(
      this.drawFrame(),
      this.drawRename(),
      this.drawOptions(),
      this.banner,
      h("div", { class: "ap-middle" }, this.log, this.latest),
      this.said,
      this.drawMessage(),
      this.spoken,
    );
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("keyup", (event) => event.stopPropagation());
    this.log.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.sight = new IntersectionObserver((seen) => this.reached(seen), { root: this.log, rootMargin: "300px" });
    this.sight.observe(this.older);
    this.sight.observe(this.newer);
  }

  drawFrame() {
    this.names = h("select", {
      class: "ap-input ap-names",
      "aria-label": "Conversation",
      onchange: () => this.ask_for({ kind: "use", name: this.names.value }),
    });
    this.toggle = button("Options", () => this.showOptions(this.drawer.hidden), { "aria-expanded": "false" });
    const act = (label, message) => button(label, () => { this.menu.open = false; message(); });
    const exported = (ending) => act(`Export .${ending}`, () => this.ask_for({ kind: "export", name: ending }));
    this.menu = h(
      "details",
      { class: "ap-menu" },
      h("summary", { class: "ap-button" }, "More"),
      h(
        "div",
        { class: "ap-choices" },
        act("Rename", () => this.showRename(true)),
        act("Fork", () => this.ask_for({ kind: "fork", turn: "" })),
        act("Delete", () => this.ask_for({ kind: "remove", name: this.frame.conversation })),
        exported("ipynb"),
        exported("md"),
        exported("json"),
      ),
    );
    this.menu.addEventListener("focusout", (event) => {
      if (!this.menu.contains(event.relatedTarget)) this.menu.open = false;
    });
    return h(
      "div",
      { class: "ap-head" },
      this.names,
      button("New", () => this.ask_for({ kind: "new" }), { "aria-label": "New conversation" }),
      this.menu,
      this.drawModel(),
      this.toggle,
    );
  }

  drawRename() {
    this.newName = h("input", { class: "ap-input", type: "text", maxlength: 100, "aria-label": "New name" });
    this.rename = h(
      "form",
      {
        class: "ap-row ap-rename",
        hidden: true,
        onsubmit: (event) => {
          event.preventDefault();
          this.ask_for({ kind: "rename", name: this.newName.value });
          this.showRename(false);
        },
      },
      this.newName,
      h("button", { type: "submit", class: "ap-button ap-first" }, "Rename"),
      button("Cancel", () => this.showRename(false)),
    );
    return this.rename;
  }

  showRename(shown) {
    this.rename.hidden = !shown;
    this.newName.value = this.frame.conversation ?? "";
    if (shown) this.newName.select();
    else this.names.focus();
  }

  drawModel() {
    const list = unique("models");
    this.models = [];
    this.choices = h("ul", { class: "ap-models", id: list, role: "listbox", "aria-label": "Models", hidden: true });
    this.modelBox = h("input", {
      class: "ap-input",
      type: "text",
      role: "combobox",
      "aria-label": "Model",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": list,
      autocomplete: "off",
      spellcheck: "false",
      onfocus: () => this.openModels(),
      oninput: () => this.showModels(this.modelBox.value),
      onkeydown: (event) => this.modelKey(event),
      onblur: () => this.chooseModel(this.modelBox.value),
    });
    return h("div", { class: "ap-model" }, this.modelBox, this.choices);
  }

  openModels() {
    this.modelBox.select();
    this.send({ kind: "models" });
    this.showModels("");
  }

  showModels(typed) {
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.models.filter((id) => words.every((word) => id.toLowerCase().includes(word)));
    const rows = found.slice(0, 50).map((id) =>
      h("li", { role: "option", id: unique("model"), "aria-selected": "false", onpointerdown: (event) => {
        event.preventDefault();
        this.chooseModel(id);
        this.closeModels();
      } }, id),
    );
    this.choices.replaceChildren(...rows);
    this.choices.hidden = !rows.length;
    this.modelBox.setAttribute("aria-expanded", String(rows.length > 0));
    this.modelBox.removeAttribute("aria-activedescendant");
    this.marked = -1;
  }

  closeModels() {
    this.choices.hidden = true;
    this.modelBox.setAttribute("aria-expanded", "false");
    this.modelBox.removeAttribute("aria-activedescendant");
    this.marked = -1;
  }

  modelKey(event) {
    const rows = [...this.choices.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && rows.length) {
      event.preventDefault();
      rows[this.marked]?.setAttribute("aria-selected", "false");
      this.marked = (this.marked + step + rows.length) % rows.length;
      rows[this.marked].setAttribute("aria-selected", "true");
      rows[this.marked].scrollIntoView({ block: "nearest" });
      this.modelBox.setAttribute("aria-activedescendant", rows[this.marked].id);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      this.chooseModel(rows[this.marked]?.textContent ?? this.modelBox.value);
      this.message.focus();
    } else if (event.key === "Escape" && !this.choices.hidden) {
      event.stopPropagation();
      this.modelBox.value = this.frame.model ?? "";
      this.closeModels();
    }
  }

  chooseModel(id) {
    this.modelBox.value = id.trim();
    if (id.trim() !== (this.frame.model ?? "")) this.ask_for({ kind: "model", name: id.trim() });
    this.closeModels();
  }

  drawOptions() {
    const drawer = unique("options");
    this.system = this.field("System prompt", { lines: true, help: "what the model is told before the conversation" }, (text) =>
      this.ask_for({ kind: "system", text }),
    );
    this.fields = new Map();
    this.grid = h("div", { class: "ap-grid" });
    this.drawer = h("div", { class: "ap-drawer", id: drawer, hidden: true }, this.system.node, this.grid,
      h("p", { class: "ap-note" }, "What is blank is not sent. These hold for what is asked here; the system prompt is the conversation's."));
    this.toggle.setAttribute("aria-controls", drawer);
    return this.drawer;
  }

  showOptions(shown) {
    this.drawer.hidden = !shown;
    this.toggle.setAttribute("aria-expanded", String(shown));
  }

  field(label, about, changed) {
    const id = unique("field");
    const box = h(about.lines ? "textarea" : "input", {
      class: "ap-input",
      id,
      type: about.lines ? null : about.number ? "number" : "text",
      rows: about.lines ? 2 : null,
      step: about.step,
      min: about.low,
      max: about.high,
      dir: about.number ? null : "auto",
      "aria-describedby": `${id}-help`,
      onchange: () => changed(box.value, box),
    });
    const help = [about.help, about.range].filter(Boolean).join("; ");
    const node = h("div", { class: "ap-field" }, h("label", { for: id }, label), box, h("small", { id: `${id}-help` }, help));
    return { node, box };
  }

  greet(message) {
    if (!this.fields.size) this.makeFields(message.fields);
    this.showFrame(message);
  }

  makeFields(described) {
    for (const about of described) {
      const made = this.field(about.label, about, (text, box) => {
        // A number field gives "" for what is no number; that must not pass for blank.
        if (box.validity.badInput) return this.say("That is not a number.", { bad: true });
        return this.ask_for({ kind: "option", name: about.name, text }, (said) =>
          box.setAttribute("aria-invalid", String(!said.ok)),
        );
      });
      this.fields.set(about.name, made.box);
      this.grid.append(made.node);
    }
  }

  drawMessage() {
    this.message = h("textarea", {
      class: "ap-input ap-message",
      rows: 1,
      "aria-label": "Message",
      placeholder: "Message",
      dir: "auto",
      oninput: () => fit(this.message),
      onkeydown: (event) => this.messageKey(event),
      onpaste: (event) => this.attachFrom(event, event.clipboardData),
    });
    this.chips = h("div", { class: "ap-files" });
    this.picker = h("input", { type: "file", multiple: true, hidden: true, "aria-label": "Files", onchange: () => {
      void this.attach([...this.picker.files]);
      this.picker.value = "";
    } });
    this.stopButton = button("Stop", () => this.stop(""), { disabled: true });
    this.sendButton = button("Send", () => void this.sendMessage(), { class: "ap-button ap-first" });
    this.totals = h("span", { class: "ap-footer" });
    const box = h(
      "div",
      { class: "ap-compose" },
      this.chips,
      this.message,
      h(
        "div",
        { class: "ap-row" },
        button("Attach", () => this.picker.click(), { "aria-label": "Attach files" }),
        this.totals,
        this.stopButton,
        this.sendButton,
      ),
      this.picker,
    );
    box.addEventListener("dragover", (event) => event.preventDefault());
    box.addEventListener("drop", (event) => this.attachFrom(event, event.dataTransfer));
    return box;
  }

  // -- what people do

  key(event) {
    event.stopPropagation();
    if ((event.ctrlKey || event.metaKey) && event.key === "s") return this.passOn(event);
    if (event.key !== "Escape") return;
    if (this.menu.open) (this.menu.open = false), this.menu.querySelector("summary").focus();
    else if (!this.rename.hidden) this.showRename(false);
    else this.stop("");
  }

  // No key of ours is the notebook's, but for the one that saves it.
  passOn(event) {
    const { key, code, keyCode, ctrlKey, metaKey } = event;
    const again = { key, code, keyCode, ctrlKey, metaKey, bubbles: true, cancelable: true };
    event.preventDefault();
    this.root.parentElement.dispatchEvent(new KeyboardEvent("keydown", again));
  }

  messageKey(event) {
    if (sends(event)) {
      event.preventDefault();
      void this.sendMessage();
    } else if (event.ctrlKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      this.recall(event.key === "ArrowUp" ? 1 : -1);
    }
  }

  recall(step) {
    const questions = this.turns.map((turn) => turn.item.question);
    this.recalled = Math.max(0, Math.min(questions.length, this.recalled + step));
    this.message.value = this.recalled ? questions[questions.length - this.recalled] : "";
    fit(this.message);
  }

  async sendMessage() {
    const text = this.message.value;
    const files = this.attached;
    if (!text.trim()) return;
    const contents = await Promise.all(files.map((file) => file.arrayBuffer()));
    this.message.value = "";
    this.recalled = 0;
    this.attached = [];
    this.showChips();
    fit(this.message);
    const queued = h("article", { class: "ap-turn ap-queued" }, h("div", { class: "ap-question", dir: "auto" }, text));
    this.toLatest();
    const done = (said) => {
      queued.remove();
      if (said.ok) return;
      this.message.value = [text, this.message.value].filter(Boolean).join("\n");
      this.attached = [...files, ...this.attached];
      this.showChips();
      fit(this.message);
    };
    const late = () => {
      this.say(BUSY);
      this.keeping(() => this.list.after(queued));
    };
    this.ask_for({ kind: "ask", text, names: files.map((file) => file.name) }, done, { late, contents });
  }

  stop(turn) {
    const before = this.frame.answering ?? [];
    if (!before.length) return;
    this.send({ kind: "stop", turn });
    setTimeout(() => {
      const first = turn || before[0];
      if ((this.frame.answering ?? []).includes(first)) this.say(`${BUSY} Interrupting the kernel stops it at once.`);
    }, BUSY_AFTER);
  }

  attachFrom(event, data) {
    const files = [...(data?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    void this.attach(files);
  }

  attach(files) {
    this.attached = [...this.attached, ...files];
    const size = this.attached.reduce((sum, file) => sum + file.size, 0);
    if (size > LARGEST) {
      this.attached = this.attached.slice(0, -files.length);
      this.say(`That is ${bytes(size)}; a question can have ${bytes(LARGEST)} of files.`, { bad: true });
    }
    this.showChips();
    this.message.focus();
  }

  showChips() {
    this.chips.replaceChildren(
      ...this.attached.map((file) =>
        h("span", { class: "ap-chip" }, `${file.name} · ${bytes(file.size)} `, button("×", () => {
          this.attached = this.attached.filter((other) => other !== file);
          this.showChips();
          this.message.focus();
        }, { "aria-label": `Remove ${file.name}` })),
      ),
    );
  }

  // -- to and from the kernel

  send(message, contents) {
    this.model.send({ view: this.view, ...message }, undefined, contents);
  }

  ask_for(message, done = () => {}, { late = () => this.say(BUSY), contents } = {}) {
    const token = unique("token");
    this.waiting.set(token, { done, timer: setTimeout(late, BUSY_AFTER) });
    this.send({ ...message, token }, contents);
  }

  take(message, buffers) {
    if (message.to && message.to !== this.view) return;
    const takes = {
      hello: () => this.greet(message),
      frame: () => this.showFrame(message),
      show: () => this.keeping(() => this.showAll(message)),
      splice: () => this.keeping(() => this.splice(message)),
      stale: () => this.keeping(() => this.mark(message.turns)),
      page: () => this.keeping(() => this.addPage(message)),
      grow: () => this.keeping(() => this.find(message.id)?.grow(message)),
      said: () => this.hear(message),
      progress: () => this.say(message.text),
      models: () => this.takeModels(message),
      picture: () => this.takePicture(message, buffers),
    };
    takes[message.kind]?.();
  }

  hear(said) {
    const asked = this.waiting.get(said.token);
    if (!asked) return; // of another page
    clearTimeout(asked.timer);
    this.waiting.delete(said.token);
    asked.done(said);
    this.say(said.text, { hint: said.hint, bad: !said.ok, undo: said.undo });
  }

  say(text, { hint, bad = false, undo = false } = {}) {
    this.said.classList.toggle("ap-bad", bad);
    this.said.replaceChildren(
      ...[text, hint && ` ${hint} `, undo && button("Undo", () => this.ask_for({ kind: "undo" }))].filter(Boolean),
    );
  }

  announce(text) {
    this.spoken.append(h("p", {}, text.slice(0, 1000)));
    while (this.spoken.childElementCount > 10) this.spoken.firstElementChild.remove();
  }

  takeModels({ ids, problem }) {
    this.models = ids;
    if (problem) this.say(problem, { bad: true });
    const isOpen = this.root.getRootNode().activeElement === this.modelBox;
    const typed = this.modelBox.value === (this.frame.model ?? "") ? "" : this.modelBox.value;
    if (isOpen) this.showModels(typed);
  }

  showFrame(frame) {
    this.frame = frame;
    const names = frame.conversations ?? [];
    const shown = [...this.names.options].map((option) => option.value);
    if (JSON.stringify(names) !== JSON.stringify(shown)) {
      this.names.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
    }
    this.names.value = frame.conversation;
    this.totals.textContent = frame.totals ?? "";
    const isFixed = Boolean(frame.fixed);
    const active = this.root.getRootNode().activeElement;
    this.modelBox.disabled = isFixed;
    this.modelBox.placeholder = frame.default_model ?? "Model";
    if (active !== this.modelBox) this.modelBox.value = isFixed ? frame.default_model : (frame.model ?? "");
    if (active !== this.system.box) this.system.box.value = frame.system ?? "";
    this.system.box.placeholder = frame.default_system || "none";
    for (const [name, box] of this.fields) {
      if (active !== box && box.getAttribute("aria-invalid") !== "true") box.value = frame.options?.[name] ?? "";
      box.placeholder = frame.defaults?.[name] ?? "unset";
    }
    this.stopButton.disabled = !frame.answering?.length;
    this.showBanner(frame);
  }

  showBanner({ problem, local }) {
    this.banner.hidden = !problem;
    if (!problem) return;
    const use = () => this.ask_for({ kind: "local" }, () => {}, { late: () => {} });
    this.banner.replaceChildren(h("strong", {}, problem[0]), ` ${problem[1]} `, ...(local ? [button("Use the local model", use)] : []));
  }

  // -- the transcript, of which the page has some turns in a row

  get end() {
    return this.start + this.turns.length;
  }

  find(id) {
    return this.turns.find((turn) => turn.item.id === id);
  }

  showAll({ at, total, turns }) {
    this.empty.textContent = "Nothing was asked yet. What %%chat asks in a cell appears here too.";
    this.start = at;
    this.total = total;
    this.turns = turns.map((item) => new Turn(this, item));
    this.list.replaceChildren(...this.turns.map((turn) => turn.node));
    this.following = true;
    this.edges();
  }

  splice({ at, gone, total, turns }) {
    const wasLast = this.end === this.total;
    this.total = total;
    const isBefore = at + gone < this.start || (at + gone === this.start && this.start > 0 && at < this.start);
    if (isBefore) {
      this.start += turns.length - gone;
    } else if (at < this.end || (at === this.end && wasLast)) {
      this.replace(at, gone, turns);
    }
    this.edges();
  }

  replace(at, gone, items) {
    const from = Math.max(at - this.start, 0);
    const until = Math.max(Math.min(at + gone - this.start, this.turns.length), from);
    const former = new Map(this.turns.slice(from, until).map((turn) => [turn.item.id, turn]));
    const [first, last] = this.known(items, former, from > 0);
    const made = items.slice(first, last).map((item) => {
      const known = former.get(item.id);
      if (!known) return new Turn(this, item);
      former.delete(item.id);
      known.show(item);
      return known;
    });
    for (const turn of former.values()) turn.node.remove();
    if (last < items.length) for (const turn of this.turns.splice(until)) turn.node.remove();
    this.turns.splice(from, until - from, ...made);
    this.start = from ? this.start : at + first;
    let before = from ? this.turns[from - 1].node : null;
    for (const { node } of made) {
      if ((before ? before.nextElementSibling : this.list.firstElementChild) !== node) {
        if (before) before.after(node);
        else this.list.prepend(node);
      }
      before = node;
    }
  }

  // Some turns are told without what stands in the page already; where it does not, as
  // they were far from the reader, the page goes without them.
  known(items, former, isBelow) {
    const isBlank = (item) => item.html === null && !former.has(item.id);
    const blank = items.findIndex(isBlank);
    if (blank < 0) return [0, items.length];
    return isBelow ? [0, blank] : [items.length - [...items].reverse().findIndex(isBlank), items.length];
  }

  mark(stale) {
    for (const turn of this.turns) {
      const { item } = turn;
      if (!item.open && item.id in stale && item.stale !== stale[item.id]) turn.show({ ...item, html: null, stale: stale[item.id] });
    }
  }

  addPage({ at, total, turns }) {
    this.asking = false;
    this.total = total;
    const made = turns.map((item) => new Turn(this, item));
    const nodes = made.map((turn) => turn.node);
    if (at + made.length === this.start) {
      this.turns.unshift(...made);
      this.start = at;
      this.list.prepend(...nodes);
    } else if (at === this.end) {
      this.turns.push(...made);
      this.list.append(...nodes);
      this.trim();
    }
    this.edges();
  }

  // Memory in the page is bounded: what is far above goes.
  trim() {
    while (this.turns.length > MOST) {
      this.turns.shift().node.remove();
      this.start += 1;
    }
  }

  edges() {
    if (this.following && this.end === this.total) this.trim();
    else while (this.turns.length > MOST) this.turns.pop().node.remove();
    this.older.textContent = this.start > 0 ? `${this.start} earlier` : "";
    this.newer.textContent = this.end < this.total ? `${this.total - this.end} later` : "";
    this.empty.hidden = this.total > 0;
    // An edge that stays in sight is not seen again by itself.
    for (const edge of [this.older, this.newer]) {
      this.sight.unobserve(edge);
      this.sight.observe(edge);
    }
  }

  reached(seen) {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting || this.asking) continue;
      const isOlder = target === this.older && this.start > 0;
      const isNewer = target === this.newer && this.end < this.total;
      if (!isOlder && !isNewer) continue;
      this.asking = true;
      const first = isOlder ? Math.max(this.start - PAGE, 0) : this.end;
      this.send({ kind: "page", first, last: isOlder ? this.start : this.end + PAGE });
    }
  }

  scrolled() {
    const left = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
    this.following = left < NEAR_END && this.end === this.total;
    this.latest.hidden = this.following;
  }

  toLatest() {
    this.following = true;
    if (this.end < this.total) this.send({ kind: "hello" });
    this.log.scrollTop = this.log.scrollHeight;
  }

  // A reader at the end stays there; for anyone else nothing moves.
  keeping(change) {
    const page = this.root.getRootNode();
    const wasHere = this.list.contains(page.activeElement);
    this.inPlace(change);
    // What had the focus may be gone; a keyboard must not start again at the top.
    if (wasHere && !this.root.contains(page.activeElement)) this.message.focus({ preventScroll: true });
  }

  inPlace(change) {
    if (this.following) {
      change();
      this.log.scrollTop = this.log.scrollHeight;
      return;
    }
    const top = this.log.getBoundingClientRect().top;
    const seen = this.turns.find((turn) => turn.node.getBoundingClientRect().bottom > top);
    const before = seen?.node.getBoundingClientRect().top;
    change();
    if (seen?.node.isConnected) this.log.scrollTop += seen.node.getBoundingClientRect().top - before;
    this.latest.hidden = this.following;
  }

  // -- pictures, code, mathematics

  picture(turn, at, name, chip) {
    const key = `${turn} ${at}`;
    this.pictures.set(key, { chip, name });
    this.send({ kind: "picture", turn, number: at });
  }

  takePicture({ turn, number: at, type }, buffers) {
    const asked = this.pictures.get(`${turn} ${at}`);
    if (!asked || !buffers?.length || !/^image\/(png|jpeg|gif|webp)$/.test(type)) return;
    this.pictures.delete(`${turn} ${at}`);
    const url = URL.createObjectURL(new Blob([buffers[0]], { type }));
    const image = h("img", { alt: asked.name, src: url });
    image.addEventListener("load", () => {
      URL.revokeObjectURL(url);
      if (this.following) this.log.scrollTop = this.log.scrollHeight;
    });
    asked.chip.prepend(image);
  }

  decorate(node, after = null) {
    const isNew = (found) => !after || after.compareDocumentPosition(found) & Node.DOCUMENT_POSITION_FOLLOWING;
    for (const code of node.querySelectorAll(".highlight")) {
      if (!isNew(code) || code.querySelector(".ap-code-actions")) continue;
      const pre = code.querySelector("pre");
      if (!pre) continue;
      const copy = button("Copy", () => this.copy(codeOf(pre), "Copied the code."), { "aria-label": "Copy the code" });
      const cell = button("To a cell", () => this.toCell(codeOf(pre), "The code"), { "aria-label": "Put the code into a cell" });
      code.append(h("div", { class: "ap-code-actions" }, copy, cell));
    }
    const typesetter = this.model.widget_manager?.rendermime?.latexTypesetter;
    for (const math of typesetter ? node.querySelectorAll(".arithmatex") : []) {
      if (isNew(math)) typesetter.typeset(math);
    }
  }

  async copy(text, told) {
    this.say((await copied(text)) ? told : "The browser does not let us copy; select the text and copy it.");
  }

  async toCell(text, what) {
    if (await intoCell(this.root, text)) this.say(`${what} is in a new cell below.`);
    else await this.copy(text, `${what} is copied: this front end lets no widget make cells. Paste it into one.`);
  }
}

// ---- what front ends allow ----------------------------------------------------------

const copied = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without https there is no such clipboard, but the older way.
    const box = h("textarea", { class: "ap-spoken" });
    box.value = text;
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
};

const settled = () => new Promise((done) => setTimeout(done, 50));

// JupyterLab and Notebook 7 tell a widget nothing of their notebook. So this does what
// a person would: choose the panel's cell, press "Insert a cell below", and paste.
const intoCell = async (root, text) => {
  const cell = root.closest(".jp-Cell");
  const notebook = root.closest(".jp-NotebookPanel, .jp-Notebook-panel, .jp-MainAreaWidget") ?? document;
  const insert = notebook.querySelector('[data-command="notebook:insert-cell-below"]');
  if (!cell || !insert) return false;
  const before = new Set(notebook.querySelectorAll(".jp-Cell"));
  press(cell);
  await settled();
  press(insert);
  for (let tries = 0; tries < 20; tries += 1) {
    await settled();
    const made = [...notebook.querySelectorAll(".jp-Cell")].find((each) => !before.has(each));
    const editor = made?.querySelector(".cm-content");
    if (editor) return pasted(editor, text);
  }
  return false;
};

const press = (node) =>
  node.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, cancelable: true, button: 0 }));

const pasted = async (editor, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  editor.focus();
  editor.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  await settled();
  const first = text.split("\n").find((line) => line.trim()) ?? "";
  return editor.textContent.includes(first.trim());
};

export default {
  render({ model, el }) {
    const panel = new Panel(model, el);
    return () => panel.close();
  },
};
