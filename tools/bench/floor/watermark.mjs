/** Positions finish in any order; `next` is the first one that has not, so that everything before it has. */
export class Watermark {
  #finished = new Set();

  constructor(next) {
    this.next = next;
  }

  finish(position) {
    this.#finished.add(position);
    while (this.#finished.delete(this.next)) this.next += 1;
  }
}
