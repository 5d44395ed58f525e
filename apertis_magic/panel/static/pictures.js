// Fetches the pictures of questions and answers as their places come into sight.

import { element } from "./dom.js";
import { isShownPicture } from "./texts.js";
/** @import { Kernel } from "./kernel.js" */

/**
 * Where a picture is to stand.
 *
 * @typedef {object} PicturePlace
 * @property {string} turn
 * @property {number} number which of the turn's pictures
 * @property {string} name what a screen reader tells of it
 * @property {(image: HTMLImageElement, type: string) => void} put
 */

export class Pictures {
  /**
   * @param {Kernel} kernel
   * @param {(change: () => void) => void} change does what changes the transcript
   */
  constructor(kernel, change) {
    this.kernel = kernel;
    this.change = change;
    /** @type {WeakMap<Element, PicturePlace>} */
    this.places = new WeakMap(); // by the element that stands there until then
    /** @type {Map<string, Element[]>} */
    this.pending = new Map(); // those that have been asked for
    /** @type {Map<HTMLImageElement, string>} */
    this.urls = new Map(); // of the pictures in the page
    // In sight is what the browser shows of them, whatever scrolls around them.
    this.sight = new IntersectionObserver((entries) => this.fetchSeen(entries));
  }

  close() {
    this.sight.disconnect();
    for (const url of this.urls.values()) URL.revokeObjectURL(url);
  }

  /**
   * @param {Element} node
   * @param {PicturePlace} place
   */
  expect(node, place) {
    this.places.set(node, place);
    this.sight.observe(node);
  }

  /** @param {IntersectionObserverEntry[]} entries */
  fetchSeen(entries) {
    for (const { target, isIntersecting } of entries) {
      const place = this.places.get(target);
      if (!isIntersecting || !place) continue;
      this.sight.unobserve(target);
      const { turn, number } = place;
      const key = `${turn} ${number}`;
      this.pending.set(key, [...(this.pending.get(key) ?? []), target]);
      this.kernel.send({ kind: "picture", turn, number });
    }
  }

  /**
   * @param {PictureMessage} message
   * @param {DataView[]} buffers
   */
  show({ turn, number, type }, buffers) {
    const key = `${turn} ${number}`;
    const nodes = this.pending.get(key);
    const [raw] = buffers ?? [];
    if (!nodes || !raw || !isShownPicture(type)) return;
    this.pending.delete(key);
    this.releaseGone();
    const blob = new Blob([/** @type {DataView<ArrayBuffer>} */ (raw)], { type });
    for (const node of nodes) this.load(node, blob);
  }

  /**
   * Loads a picture before it is shown: it has its size then, and the reader's place is kept.
   *
   * @param {Element} node
   * @param {Blob} blob
   */
  load(node, blob) {
    const place = this.places.get(node);
    if (!place) return;
    const url = URL.createObjectURL(blob);
    const image = element("img", { alt: place.name, src: url });
    image.addEventListener("load", () => {
      this.urls.set(image, url);
      this.change(() => place.put(image, blob.type));
    });
    image.addEventListener("error", () => {
      URL.revokeObjectURL(url);
      this.change(() => node.append(" · cannot be shown"));
    });
  }

  /** Memory in the page is bounded: what has left the transcript is let go. */
  releaseGone() {
    for (const [image, url] of this.urls) {
      if (image.isConnected) continue;
      URL.revokeObjectURL(url);
      this.urls.delete(image);
    }
  }
}
