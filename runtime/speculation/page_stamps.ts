/**
 * Which pages hold draft KV of which tokens. Draft KV is a function of the tokens up to the one behind it alone, so a
 * page whose stamp fits needs no new KV, whoever wrote it: pages of the radix cache are recognised by what they hold.
 *
 * @module
 */

/** A 64-bit hash over a growing sequence of tokens. */
export class PrefixHash {
  low = 1;
  high = 1;

  /** Takes in the next token. */
  add(token: number): void {
    this.low = Math.imul(this.low ^ token, 0x9E3779B1);
    this.low ^= this.low >>> 15;
    this.high = Math.imul(this.high + token | 0, 0x85EBCA6B) ^ this.low;
    this.high ^= this.high >>> 13;
  }

  /** A second hash that goes on from here by itself. */
  copy(): PrefixHash {
    return Object.assign(new PrefixHash(), { low: this.low, high: this.high });
  }
}

/** The stamp of every page: the hash of all tokens up to the one behind the page. */
export class PageStamps {
  readonly #low: Int32Array;
  readonly #high: Int32Array;

  constructor(numPages: number) {
    this.#low = new Int32Array(numPages);
    this.#high = new Int32Array(numPages);
  }

  /** Whether the page holds draft KV of these tokens. */
  fits(page: number, hash: PrefixHash): boolean {
    return this.#low[page] === hash.low && this.#high[page] === hash.high;
  }

  /** The page is full of draft KV of these tokens. */
  set(page: number, hash: PrefixHash): void {
    this.#low[page] = hash.low;
    this.#high[page] = hash.high;
  }

  /** The page is being written. */
  clear(page: number): void {
    this.#low[page] = this.#high[page] = 0;
  }
}
