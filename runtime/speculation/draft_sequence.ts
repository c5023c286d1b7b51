/**
 * What a head proposer knows of one sequence: its tokens, and how far its draft KV is filled.
 *
 * @module
 */
import type { DraftRequest } from "../messages.ts";
import { type PageStamps, PrefixHash } from "./page_stamps.ts";

/** Draft KV entry t belongs to position t and needs token t + 1; entries below `numFilled` are there. */
export class DraftSequence {
  #tokens = new Int32Array(64);
  #numTokens = 0;
  #numFilled = 0;
  /** Of tokens 0 .. numFilled. */
  #hash = new PrefixHash();
  #pages: Int32Array = new Int32Array(0);

  /** Position of the newest token. */
  get root(): number {
    return this.#numTokens - 1;
  }

  /** The entry to run next. The last before the root is run even if it is there: drafts come from its row. */
  get nextEntry(): number {
    return Math.min(this.#numFilled, this.root - 1);
  }

  /** Its pages, up to the one the last committed entry lies in. */
  pages(pageSize: number): Int32Array {
    return this.#pages.subarray(0, Math.ceil(this.root / pageSize));
  }

  /** The token that draft entry `entry` needs. */
  tokenAfter(entry: number): number {
    return this.#tokens[entry + 1]!;
  }

  /**
   * Takes in what is new; the first time also which pages hold its draft KV already.
   *
   * @throws {RangeError} if tokens were left out
   */
  update({ requestId, start, tokens, pages }: DraftRequest, stamps: PageStamps, pageSize: number): void {
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
    if (start > 0 || end === 0) return;
    this.#hash.add(tokens[0]!);
    for (let page = 0; (page + 1) * pageSize <= this.root; page++) {
      const hash = this.#hash.copy();
      for (let i = 0; i < pageSize; i++) hash.add(this.tokenAfter(page * pageSize + i));
      if (!stamps.fits(pages[page]!, hash)) break;
      this.#hash = hash;
      this.#numFilled += pageSize;
    }
  }

  /** Takes note that an entry was run; a page that it completes is stamped. */
  fill(entry: number, stamps: PageStamps, pageSize: number): void {
    if (entry < this.#numFilled) return;
    const page = this.#pages[Math.floor(entry / pageSize)]!;
    this.#numFilled++;
    this.#hash.add(this.tokenAfter(entry));
    if (this.#numFilled % pageSize === 0) stamps.set(page, this.#hash);
    else stamps.clear(page);
  }
}
