/**
 * The draft KV of one sequence: which tokens its entries are computed from, and how many entries are filled. Together
 * with {@linkcode PageStamps} this is the only account of what a proposer has read; the scheduler gets it as
 * `Drafted.numRead`.
 *
 * @module
 */
import type { DraftRequest } from "../messages/scheduler_drafter.ts";
import { type PageStamps, PrefixHash } from "./page_stamps.ts";

/** Entry e of the draft KV is computed from the token at e + `numNextTokens`. */
export class DraftKv {
  readonly #numNextTokens: number;
  readonly #pageSize: number;
  readonly #stamps: PageStamps;
  #tokens = new Int32Array(64);
  #numTokens = 0;
  #numFilled = 0;
  /** Hash of all tokens that the filled entries are computed from. */
  #hash = new PrefixHash();
  #pages: Int32Array = new Int32Array(0);

  constructor(numNextTokens: 0 | 1, pageSize: number, stamps: PageStamps) {
    this.#numNextTokens = numNextTokens;
    this.#pageSize = pageSize;
    this.#stamps = stamps;
  }

  /** Number of entries that must be filled before what follows the newest token can be drafted. */
  get numEntries(): number {
    return this.#numTokens - this.#numNextTokens;
  }

  /** Entries 0 .. numFilled-1 hold draft KV. */
  get numFilled(): number {
    return this.#numFilled;
  }

  /** The next entry to compute. The last one is computed even if it is filled: drafts come from its row. */
  get nextEntry(): number {
    return Math.min(this.#numFilled, this.numEntries - 1);
  }

  /** Pages of the `numEntries` entries. */
  get pages(): Int32Array {
    return this.#pages.subarray(0, Math.ceil(this.numEntries / this.#pageSize));
  }

  /** The token that an entry is computed from. */
  tokenFor(entry: number): number {
    return this.#tokens[entry + this.#numNextTokens]!;
  }

  /**
   * Appends the tokens of a request. The first request of a sequence also counts the pages that are already filled.
   *
   * @throws {RangeError} if tokens were left out
   */
  update({ requestId, start, tokens, pages }: DraftRequest): void {
    if (start !== this.#numTokens) {
      throw new RangeError(
        `Cannot draft for ${requestId}: tokens from ${start}, expected ${this.#numTokens}`,
      );
    }
    const end = start + tokens.length;
    if (end > this.#tokens.length) {
      const grown = new Int32Array(2 * end);
      grown.set(this.#tokens.subarray(0, start));
      this.#tokens = grown;
    }
    this.#tokens.set(tokens, start);
    this.#numTokens = end;
    this.#pages = pages;
    if (start === 0) this.#countFilledPages();
  }

  /** Records that an entry was computed; stamps the page if the entry completes it. */
  fill(entry: number): void {
    if (entry < this.#numFilled) return;
    const page = this.#pages[Math.floor(entry / this.#pageSize)]!;
    this.#numFilled++;
    this.#hash.add(this.tokenFor(entry));
    if (this.#numFilled % this.#pageSize === 0) this.#stamps.set(page, this.#hash);
    else this.#stamps.clear(page);
  }

  #countFilledPages(): void {
    for (let i = 0; i < this.#numNextTokens; i++) this.#hash.add(this.#tokens[i]!);
    for (let page = 0; this.#numFilled + this.#pageSize <= this.numEntries; page++) {
      const hash = this.#hash.copy();
      for (let i = 0; i < this.#pageSize; i++) hash.add(this.tokenFor(this.#numFilled + i));
      if (!this.#stamps.fits(this.#pages[page]!, hash)) return;
      this.#hash = hash;
      this.#numFilled += this.#pageSize;
    }
  }
}
