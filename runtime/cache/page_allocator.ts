/**
 * Which pages of the KV pool are free. Numbers only: the memory is the verifier's.
 *
 * @module
 */

/** Hands out the pages 0 to `numPages - 1`, each to one owner at a time. */
export class PageAllocator {
  readonly numPages: number;
  /** A stack: the first `#numFree` entries are the free pages. */
  readonly #free: Int32Array;
  readonly #isFree: Uint8Array;
  #numFree: number;

  constructor(numPages: number) {
    this.numPages = numPages;
    this.#free = Int32Array.from({ length: numPages }, (_, i) => numPages - 1 - i);
    this.#isFree = new Uint8Array(numPages).fill(1);
    this.#numFree = numPages;
  }

  get numFree(): number {
    return this.#numFree;
  }

  /**
   * Takes `count` pages.
   *
   * @throws {RangeError} if fewer are free
   */
  allocate(count: number): number[] {
    if (count > this.#numFree) {
      throw new RangeError(`Cannot allocate ${count} pages: ${this.#numFree} of ${this.numPages} are free`);
    }
    this.#numFree -= count;
    const pages = Array.from(this.#free.subarray(this.#numFree, this.#numFree + count)).reverse();
    for (const page of pages) this.#isFree[page] = 0;
    return pages;
  }

  /**
   * Gives pages back.
   *
   * @throws {RangeError} if one is not allocated
   */
  free(pages: readonly number[]): void {
    for (const page of pages) {
      if (this.#isFree[page] !== 0) throw new RangeError(`Cannot free page ${page}: it is not allocated`);
      this.#isFree[page] = 1;
      this.#free[this.#numFree++] = page;
    }
  }
}
