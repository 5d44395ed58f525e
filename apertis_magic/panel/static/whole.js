// Fetches the whole of a question of which the page has the beginning.

/** @import { Kernel } from "./kernel.js" */

export class WholeQuestions {
  /** @param {Kernel} kernel */
  constructor(kernel) {
    this.kernel = kernel;
    /** @type {Map<string, ((text: string) => void)[]>} */
    this.pending = new Map(); // by the turn's id
  }

  /**
   * @param {string} turn
   * @returns {Promise<string>}
   */
  fetch(turn) {
    return new Promise((resolve) => {
      this.pending.set(turn, [...(this.pending.get(turn) ?? []), resolve]);
      this.kernel.send({ kind: "question", turn });
    });
  }

  /** @param {QuestionMessage} message */
  show({ turn, text }) {
    for (const resolve of this.pending.get(turn) ?? []) resolve(text);
    this.pending.delete(turn);
  }
}
