/**
 * The masks of a step: equal ones are kept once.
 *
 * @module
 */

/** Collects masks of one size. */
export class MaskTable {
  readonly #masks: Int32Array[] = [];
  /** Numbers of masks by hash. */
  readonly #byHash = new Map<number, number[]>();

  /** The number of a mask, the same for an equal one. It is not to be changed afterwards. */
  numberOf(mask: Int32Array): number {
    const hash = hashOf(mask), numbers = this.#byHash.get(hash) ?? [];
    const known = numbers.find((number) => isEqual(this.#masks[number]!, mask));
    if (known !== undefined) return known;
    const number = this.#masks.push(mask) - 1;
    this.#byHash.set(hash, [...numbers, number]);
    return number;
  }

  /** All masks in the order of their numbers. */
  get masks(): readonly Int32Array[] {
    return this.#masks;
  }
}

function hashOf(words: Int32Array): number {
  let hash = 0;
  for (const word of words) hash = Math.imul(hash ^ word, 0x9e3779b1) ^ (hash >>> 15);
  return hash;
}

function isEqual(one: Int32Array, other: Int32Array): boolean {
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}
