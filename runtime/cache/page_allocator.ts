/**
 * Which pages of the KV pool are free. Numbers only; the memory is native.
 *
 * @module
 */

/** Hands out pages 0 .. numPages - 1, each to one owner at a time. */
export class PageAllocator {
  readonly numPages: number;
  readonly #free: Int32Array;
  readonly #taken: Uint8Array;
  #numFree: number;

  constructor(numPages: number) {
    this.numPages = numPages;
    this.#free = Int32Array.from({ length: numPages }, (_, i) => numPages - 1 - i);
    this.#taken = new Uint8Array(numPages);
    this.#numFree = numPages;
  }

  /** Pages nobody owns. */
  get numFree(): number {
    return this.#numFree;
  }

  /** A free page, or undefined if there is none. */
  allocate(): number | undefined {
    if (this.#numFree === 0) return undefined;
    const page = this.#free[--this.#numFree]!;
    this.#taken[page] = 1;
    return page;
  }

  /**
   * Takes a page back.
   *
   * @throws {RangeError} if it is not taken
   */
  free(page: number): void {
    if (this.#taken[page] !== 1) throw new RangeError(`Cannot free page: ${page} is not taken`);
    this.#taken[page] = 0;
    this.#free[this.#numFree++] = page;
  }
}
