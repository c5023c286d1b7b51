/**
 * Which pages of a draft model's pool hold the KV of which prefix. The scheduler moves pages between sequences without a
 * word to the drafter, so a page is known by a hash of everything its KV depends on.
 *
 * @module
 */

/** Remembers a hash per page. A collision would cost acceptance, nothing else. */
export class FilledPages {
  readonly #pageSize: number;
  readonly #lookAhead: number;
  /** Two halves per page; 0 where nothing is known. */
  readonly #hashes: Uint32Array;

  /** `lookAhead`: tokens behind a page that its KV depends on. */
  constructor({ numPages, pageSize, lookAhead }: {
    readonly numPages: number;
    readonly pageSize: number;
    readonly lookAhead: 0 | 1;
  }) {
    this.#pageSize = pageSize;
    this.#lookAhead = lookAhead;
    this.#hashes = new Uint32Array(2 * numPages);
  }

  /** Leading tokens whose KV is in `pages` already: whole pages. */
  numFilled(tokens: readonly number[], pages: Int32Array): number {
    let numPages = 0;
    this.#forPages(tokens, (page, high, low) => {
      const at = 2 * pages[page]!;
      if (this.#hashes[at] !== high || this.#hashes[at + 1] !== low) return false;
      numPages = page + 1;
      return true;
    });
    return numPages * this.#pageSize;
  }

  /** Takes note that the KV of `tokens`, as far as it can be known, is in `pages` now. */
  fill(tokens: readonly number[], pages: Int32Array): void {
    this.#forPages(tokens, (page, high, low) => {
      this.#hashes[2 * pages[page]!] = high;
      this.#hashes[2 * pages[page]! + 1] = low;
      return true;
    });
  }

  /** Calls `visit` with the hashes of full pages until it says false. */
  #forPages(
    tokens: readonly number[],
    visit: (page: number, high: number, low: number) => boolean,
  ): void {
    let high = 0x811c9dc5, low = 0x9e3779b9;
    const numPages = Math.floor((tokens.length - this.#lookAhead) / this.#pageSize);
    for (let page = 0, at = 0; page < numPages; page++) {
      for (const end = (page + 1) * this.#pageSize + this.#lookAhead; at < end; at++) {
        high = Math.imul(high ^ tokens[at]!, 0x01000193);
        low = Math.imul(low ^ tokens[at]!, 0x85ebca6b) + at;
      }
      if (!visit(page, high >>> 0, low >>> 0)) return;
    }
  }
}
