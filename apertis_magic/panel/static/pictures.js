// Fetches the pictures that were attached to questions, and puts them into their chips.

import { element } from "./dom.js";
import { isShownPicture } from "./texts.js";
/** @import { Kernel } from "./kernel.js" */

export class Pictures {
  /**
   * @param {Kernel} kernel
   * @param {() => void} loaded called when a picture has got its size
   */
  constructor(kernel, loaded) {
    this.kernel = kernel;
    this.loaded = loaded;
    /** @type {Map<string, {chip: Element, name: string}>} */
    this.pending = new Map();
  }

  /**
   * @param {string} turn
   * @param {number} number which of the turn's files
   * @param {string} name
   * @param {Element} chip
   */
  fetch(turn, number, name, chip) {
    this.pending.set(`${turn} ${number}`, { chip, name });
    this.kernel.send({ kind: "picture", turn, number });
  }

  /**
   * @param {PictureMessage} message
   * @param {DataView[]} buffers
   */
  show({ turn, number, type }, buffers) {
    const key = `${turn} ${number}`;
    const place = this.pending.get(key);
    const [raw] = buffers ?? [];
    if (!place || !raw || !isShownPicture(type)) return;
    this.pending.delete(key);
    const url = URL.createObjectURL(new Blob([/** @type {DataView<ArrayBuffer>} */ (raw)], { type }));
    const image = element("img", { alt: place.name, src: url });
    image.addEventListener("load", () => {
      URL.revokeObjectURL(url);
      this.loaded();
    });
    place.chip.prepend(image);
  }
}
