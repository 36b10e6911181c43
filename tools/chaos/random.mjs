/** Randomness from a seed (mulberry32): the same seed draws the same things. */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** 0 … 1 */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  between(least, most) {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  isLucky(share) {
    return this.next() < share;
  }

  pick(list) {
    return list[this.between(0, list.length - 1)];
  }

  /** A name of `shares` (`{ name: weight }`), as often as its weight says. */
  weighted(shares) {
    let left = this.next() * Object.values(shares).reduce((sum, share) => sum + share, 0);
    for (const [name, share] of Object.entries(shares)) if ((left -= share) < 0) return name;
    return Object.keys(shares).at(-1);
  }

  shuffled(list) {
    const left = [...list];
    const drawn = [];
    while (left.length > 0) drawn.push(...left.splice(this.between(0, left.length - 1), 1));
    return drawn;
  }

  /** Another stream of draws, so that what one part draws does not depend on how often another does. */
  fork() {
    return new Random(this.between(0, 2 ** 31));
  }
}
