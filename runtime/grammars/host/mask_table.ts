/**
 * The masks of a host, each once: most come again step by step, so the other end of the pipe keeps them too.
 *
 * @module
 */

/** Bytes of masks that both ends keep. */
const MAX_BYTES = 16 * 2 ** 20;

/** Masks that the other end does not have yet. */
export interface NewMasks {
  /** It is to forget all others first. */
  readonly isReset: boolean;
  /** In the order of their numbers, the first of which follows that of the last one known. */
  readonly masks: readonly Int32Array[];
}

/** Numbers masks of one size. */
export class MaskTable {
  #masks: Int32Array[] = [];
  /** Numbers of masks by hash. */
  readonly #byHash = new Map<number, number[]>();
  #numSent = 0;
  #isReset = false;

  /** The number of a mask, the same for an equal one. It is not to be changed afterwards. */
  numberOf(mask: Int32Array): number {
    const hash = hashOf(mask), numbers = this.#byHash.get(hash);
    const known = numbers?.find((number) => isEqual(this.#masks[number]!, mask));
    if (known !== undefined) return known;
    const number = this.#masks.push(mask) - 1;
    if (numbers === undefined) this.#byHash.set(hash, [number]);
    else numbers.push(number);
    return number;
  }

  /** The masks that came since this was asked last; it is, once in a step. */
  takeNew(): NewMasks {
    const taken = { isReset: this.#isReset, masks: this.#masks.slice(this.#numSent) };
    this.#numSent = this.#masks.length;
    this.#isReset = false;
    return taken;
  }

  /** Forgets all masks if there are too many; not while numbers of theirs are in use. */
  trim(): void {
    if (this.#masks.length * (this.#masks[0]?.byteLength ?? 0) <= MAX_BYTES) return;
    this.#masks = [];
    this.#byHash.clear();
    this.#numSent = 0;
    this.#isReset = true;
  }
}

function hashOf(words: Int32Array): number {
  let hash = 0;
  for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i]!, 0x9e3779b1) ^ (hash >>> 15);
  return hash;
}

function isEqual(one: Int32Array, other: Int32Array): boolean {
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}
