// The scrolled box around the transcript: keeps a reader's place, and fetches more turns.

import { ALONE, button, element } from "./dom.js";
import { endOf, pageBeside } from "./span.js";
/** @import { Kernel } from "./kernel.js" */
/** @import { Transcript } from "./transcript.js" */

const NEAR_END = 32; // pixels from the end at which a reader counts as being there

export class Scroller {
  /**
   * @param {Kernel} kernel
   * @param {Transcript} transcript
   * @param {Element} offer what is offered where there are no turns
   */
  constructor(kernel, transcript, offer) {
    this.kernel = kernel;
    this.transcript = transcript;
    this.isFollowing = true; // whether the reader stays at the end
    this.isFetching = false;
    this.older = element("div", { class: "ap-edge" });
    this.newer = element("div", { class: "ap-edge" });
    this.waiting = element("p", {}, "Waiting for the kernel …");
    this.empty = element("div", { class: "ap-empty" }, this.waiting, offer);
    const attributes = { class: "ap-log", role: "log", "aria-label": "Conversation", "aria-live": "off", tabindex: "0" };
    this.log = element("div", attributes, this.older, this.empty, transcript.node, this.newer);
    this.latest = button("↓ Latest", () => this.toLatest(), { class: `${ALONE} ap-latest`, hidden: true });
    this.node = element("div", { class: "ap-middle" }, this.log, this.latest);
    this.log.addEventListener("scroll", () => this.noteScroll(), { passive: true });
    this.sight = new IntersectionObserver((entries) => this.fetchSeen(entries), { root: this.log, rootMargin: "300px" });
    this.sight.observe(this.older);
    this.sight.observe(this.newer);
  }

  close() {
    this.sight.disconnect();
  }

  /** Says what is beyond the turns in the page, of which there are not too many. */
  showEdges() {
    if (this.isFollowing && this.transcript.isAtEnd) this.transcript.trimFirst();
    else this.transcript.trimLast();
    const { start, total } = this.transcript.span;
    const later = total - endOf(this.transcript.span);
    this.older.textContent = start > 0 ? `${start} earlier` : "";
    this.newer.textContent = later > 0 ? `${later} later` : "";
    this.empty.hidden = total > 0;
    // An edge that stays in sight is not seen again by itself.
    for (const edge of [this.older, this.newer]) {
      this.sight.unobserve(edge);
      this.sight.observe(edge);
    }
  }

  /** @param {IntersectionObserverEntry[]} entries */
  fetchSeen(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || this.isFetching) continue;
      const page = pageBeside(this.transcript.span, target === this.older);
      if (!page) continue;
      this.isFetching = true;
      this.kernel.send({ kind: "page", ...page });
    }
  }

  noteScroll() {
    const left = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight;
    this.isFollowing = left < NEAR_END && this.transcript.isAtEnd;
    this.latest.hidden = this.isFollowing;
  }

  toLatest() {
    this.isFollowing = true;
    if (!this.transcript.isAtEnd) this.kernel.send({ kind: "hello" });
    this.toEnd();
  }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  /**
   * Changes what is in the box. A reader at the end stays there; for anyone else nothing moves.
   *
   * @param {() => void} change
   */
  keepPlace(change) {
    if (this.isFollowing) {
      change();
      this.toEnd();
      return;
    }
    const { top } = this.log.getBoundingClientRect();
    const isSeen = (/** @type {Element} */ node) => node.getBoundingClientRect().bottom > top;
    const turn = this.transcript.turns.find(({ node }) => isSeen(node));
    const block = turn && [...turn.answer.blocks.children].find(isSeen);
    const places = [block, turn?.node].map((node) => ({ node, before: node?.getBoundingClientRect().top ?? 0 }));
    change();
    // Where the block is gone, at least the turn is where it was.
    const kept = places.find(({ node }) => node?.isConnected);
    if (kept?.node) this.log.scrollTop += kept.node.getBoundingClientRect().top - kept.before;
    this.latest.hidden = this.isFollowing;
  }
}
