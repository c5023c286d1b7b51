/**
 * The queue of possible merges of a word: a binary heap of numbers, smallest first.
 *
 * @module
 */

/** Symbols of a word, so that rank and position fit in one exact number. */
const MAX_POSITION = 2 ** 26;

/** Merges by rank, and of one rank the leftmost first. */
export class MergeQueue {
  readonly #heap: number[] = [];

  /** Whether no merge is left. */
  get isEmpty(): boolean {
    return this.#heap.length === 0;
  }

  /** Adds the merge of a rank at a position. */
  push(rank: number, position: number): void {
    const heap = this.#heap, value = rank * MAX_POSITION + position;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]! <= value) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = value;
  }

  /** Takes the first merge. */
  pop(): { readonly rank: number; readonly position: number } {
    const heap = this.#heap, first = heap[0]!, value = heap.pop()!, size = heap.length;
    let at = 0;
    while (size > 0) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= value) break;
      heap[at] = heap[child]!;
      at = child;
    }
    if (size > 0) heap[at] = value;
    return { rank: Math.floor(first / MAX_POSITION), position: first % MAX_POSITION };
  }
}
