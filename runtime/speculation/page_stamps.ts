/**
 * Prefix hashes of the pages of draft KV: which page holds the draft KV of which tokens. Draft KV is a function of the
 * tokens up to its entry, and of the one after it with a head; so a page whose stamp is the hash of a sequence's tokens
 * need not be computed for that sequence, whichever sequence filled it. A prefix hit of the target's cache is one of the
 * drafter's too.
 *
 * @module
 */

/** A 64-bit hash of a sequence of tokens, which it is extended by one by one. */
export class PrefixHash {
  low = 1;
  high = 1;

  /** Extends the sequence by a token. */
  add(token: number): void {
    this.low = Math.imul(this.low ^ token, 0x9E3779B1);
    this.low ^= this.low >>> 15;
    this.high = Math.imul(this.high + token | 0, 0x85EBCA6B) ^ this.low;
    this.high ^= this.high >>> 13;
  }

  /** An independent hash of the same sequence. */
  copy(): PrefixHash {
    return Object.assign(new PrefixHash(), { low: this.low, high: this.high });
  }
}

/** A stamp per page: the hash of all tokens that the entries up to the end of the page are computed from. */
export class PageStamps {
  readonly #low: Int32Array;
  readonly #high: Int32Array;

  constructor(numPages: number) {
    this.#low = new Int32Array(numPages);
    this.#high = new Int32Array(numPages);
  }

  /** Whether the page is full of draft KV of these tokens. */
  fits(page: number, hash: PrefixHash): boolean {
    return this.#low[page] === hash.low && this.#high[page] === hash.high;
  }

  /** Records that the page is full of draft KV of these tokens. */
  set(page: number, hash: PrefixHash): void {
    this.#low[page] = hash.low;
    this.#high[page] = hash.high;
  }

  /** Records that the page is being overwritten. */
  clear(page: number): void {
    this.#low[page] = this.#high[page] = 0;
  }
}
