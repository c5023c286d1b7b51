/**
 * Byte-pair encoding: the characters of a word are merged pair by pair, the pair that stands first in the model's list
 * first. A word of n characters takes n log n steps.
 *
 * @module
 */
import { MergeQueue } from "./merge_queue.ts";
import { byteTokens, type Model, unknownText, type Vocabulary } from "./model.ts";
import type { Refuse, StepReader } from "./step.ts";

/** A word's tokens are remembered if it is shorter, in UTF-16 units. */
const MAX_CACHED_LENGTH = 256;

/** Remembered words. */
const CACHE_CAPACITY = 10_000;

/** More than any id, so that two ids are one number. */
const PAIR = 2 ** 25;

/** Settings of a model of type BPE. */
interface BpeSettings {
  /** Token of what has none; without it such characters are left out. */
  readonly unkToken: string | undefined;
  /** One unknown token for unknown characters in a row. */
  readonly fuseUnk: boolean;
  /** Unknown characters become the tokens of their bytes. */
  readonly byteFallback: boolean;
  /** A word in the vocabulary is a token, merges or not. */
  readonly ignoreMerges: boolean;
  /** Before every character of a word but the first. */
  readonly continuingPrefix: string;
  /** Behind the last character of a word. */
  readonly wordSuffix: string;
}

/** A BPE model. */
export class Bpe implements Model {
  readonly #vocabulary: Vocabulary;
  readonly #settings: BpeSettings;
  /** Rank of the merge of two ids, and what each rank's merge makes. */
  readonly #ranks = new Map<number, number>();
  readonly #merged: number[] = [];
  readonly #cache = new Map<string, readonly number[]>();

  /**
   * Reads the model.
   *
   * @throws {LoadError} if a merge names a token that is not in the vocabulary, or merges are left out at random
   */
  constructor(
    step: StepReader,
    vocabulary: Vocabulary,
    isLeftOut: (token: string) => boolean,
    refuse: Refuse,
  ) {
    const text = (name: string) => step.optional(name) === undefined ? undefined : step.string(name);
    if (step.get("dropout")) throw step.refuse("has dropout, which leaves out merges at random");
    this.#vocabulary = vocabulary;
    this.#settings = {
      unkToken: text("unk_token"),
      fuseUnk: step.boolean("fuse_unk", false),
      byteFallback: step.boolean("byte_fallback", false),
      ignoreMerges: step.boolean("ignore_merges", false),
      continuingPrefix: text("continuing_subword_prefix") ?? "",
      wordSuffix: text("end_of_word_suffix") ?? "",
    };
    const prefixLength = this.#settings.continuingPrefix.length;
    for (const [left, right] of mergesOf(step)) {
      const merged = left + right.slice(prefixLength);
      if ([left, right, merged].some(isLeftOut)) {
        this.#merged.push(-1);
        continue;
      }
      const ids = [left, right, merged].map((token) => {
        const id = vocabulary.get(token);
        if (id === undefined) throw refuse(`model.merges: ${JSON.stringify(token)} is not in the vocabulary`);
        return id;
      });
      this.#ranks.set(ids[0]! * PAIR + ids[1]!, this.#merged.length);
      this.#merged.push(ids[2]!);
    }
  }

  encode(word: string): readonly number[] {
    if (this.#settings.ignoreMerges) {
      const id = this.#vocabulary.get(word);
      if (id !== undefined) return [id];
    }
    const known = this.#cache.get(word);
    if (known !== undefined) return known;
    const ids = this.#merge(this.#symbols(word));
    if (word.length < MAX_CACHED_LENGTH) {
      if (this.#cache.size >= CACHE_CAPACITY) this.#cache.clear();
      this.#cache.set(word, ids);
    }
    return ids;
  }

  /** Ids of a word's characters. Bytes go before an unknown token that is still open, as in the Rust library. */
  #symbols(word: string): number[] {
    const { unkToken, fuseUnk, byteFallback, continuingPrefix, wordSuffix } = this.#settings;
    const ids: number[] = [];
    let unknown: number | undefined;
    for (let start = 0; start < word.length;) {
      const character = String.fromCodePoint(word.codePointAt(start)!);
      const end = start + character.length;
      const text = (start > 0 ? continuingPrefix : "") + character + (end === word.length ? wordSuffix : "");
      start = end;
      const id = this.#vocabulary.get(text);
      if (id !== undefined) {
        if (unknown !== undefined) ids.push(unknown);
        unknown = undefined;
        ids.push(id);
        continue;
      }
      const bytes = byteFallback ? byteTokens(text, this.#vocabulary) : undefined;
      if (bytes !== undefined) {
        ids.push(...bytes);
      } else if (unkToken !== undefined) {
        if (unknown !== undefined && !fuseUnk) ids.push(unknown);
        unknown = this.#vocabulary.get(unkToken);
        if (unknown === undefined) throw unknownText(character);
      }
    }
    if (unknown !== undefined) ids.push(unknown);
    return ids;
  }

  #rank(left: number, right: number): number | undefined {
    return this.#ranks.get(left * PAIR + right);
  }

  /** Merges symbols, of which a list linked both ways keeps the places. */
  #merge(ids: number[]): readonly number[] {
    const size = ids.length;
    const queue = new MergeQueue();
    for (let i = 0; i + 1 < size; i++) {
      const rank = this.#rank(ids[i]!, ids[i + 1]!);
      if (rank !== undefined) queue.push(rank, i);
    }
    if (queue.isEmpty) return ids;
    const next = Int32Array.from(ids, (_, i) => i + 1), previous = Int32Array.from(ids, (_, i) => i - 1);
    const isGone = new Uint8Array(size);
    while (!queue.isEmpty) {
      const { rank, position } = queue.pop();
      const right = next[position]!, merged = this.#merged[rank]!;
      if (isGone[position] === 1 || right >= size) continue;
      // The symbols may have changed since the merge was queued.
      const now = this.#rank(ids[position]!, ids[right]!);
      if (now === undefined || this.#merged[now] !== merged) continue;
      ids[position] = merged;
      isGone[right] = 1;
      const after = next[position] = next[right]!, before = previous[position]!;
      if (after < size) {
        previous[after] = position;
        const rank = this.#rank(merged, ids[after]!);
        if (rank !== undefined) queue.push(rank, position);
      }
      if (before >= 0) {
        const rank = this.#rank(ids[before]!, merged);
        if (rank !== undefined) queue.push(rank, before);
      }
    }
    return ids.filter((_, i) => isGone[i] === 0);
  }
}

/** Merges as pairs; old files write them as texts, among which a comment may stand. */
function* mergesOf(step: StepReader): Generator<readonly [string, string]> {
  for (const merge of step.get("merges") as readonly (string | readonly [string, string])[]) {
    if (typeof merge !== "string") {
      yield merge;
    } else if (!merge.startsWith("#version")) {
      const [left, right] = merge.split(" ");
      yield [left!, right!];
    }
  }
}
