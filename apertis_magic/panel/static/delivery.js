// Takes texts out of the panel, to the clipboard or into a cell, and says where they are.

import { insertCell } from "./cells.js";
import { copyText } from "./clipboard.js";
/** @import { Notices } from "./notices.js" */

export class Delivery {
  /**
   * @param {Element} root the panel
   * @param {Notices} notices
   */
  constructor(root, notices) {
    this.root = root;
    this.notices = notices;
  }

  /**
   * @param {string} text
   * @param {string} notice what is said once it is copied
   */
  async copy(text, notice) {
    const isCopied = await copyText(text);
    this.notices.show(isCopied ? notice : "The browser does not let us copy; select the text and copy it.");
  }

  /**
   * @param {string} text
   * @param {string} name what the text is
   */
  async toCell(text, name) {
    if (await insertCell(this.root, text)) this.notices.show(`${name} is in a new cell below.`);
    else await this.copy(text, `${name} is copied: this front end lets no widget make cells. Paste it into one.`);
  }
}
