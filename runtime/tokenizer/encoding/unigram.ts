/**
 * Unigram: of all ways to cut a word into pieces of the vocabulary, the one whose scores add up highest.
 *
 * @module
 */
import { byteTokens, type Model, unknownText } from "./model.ts";
import type { StepReader } from "./step.ts";

/** How much lower an unknown character scores than the lowest piece. */
const UNKNOWN_PENALTY = 10;

/** A Unigram model. */
export class Unigram implements Model {
  readonly #ids = new Map<string, number>();
  readonly #scores: readonly number[];
  readonly #pieces = new PieceTrie();
  readonly #unknownId: number | undefined;
  readonly #unknownScore: number;
  readonly #byteFallback: boolean;

  /**
   * Reads the model, whose vocabulary was checked.
   *
   * @throws {LoadError} if the unknown token's id is none
   */
  constructor(step: StepReader, isLeftOut: (token: string) => boolean) {
    const vocabulary = step.get("vocab") as readonly (readonly [string, number])[];
    const unknownId = step.optional("unk_id") === undefined ? undefined : step.count("unk_id");
    if (unknownId !== undefined && unknownId >= vocabulary.length) {
      throw step.refuse(`has unk_id ${unknownId}`);
    }
    this.#scores = vocabulary.map(([, score]) => score);
    this.#unknownId = unknownId;
    this.#unknownScore = this.#scores.reduce((least, score) => Math.min(least, score), Infinity) -
      UNKNOWN_PENALTY;
    this.#byteFallback = step.boolean("byte_fallback", false);
    for (const [id, [text]] of vocabulary.entries()) {
      if (text === "" || isLeftOut(text)) continue;
      this.#ids.set(text, id);
      this.#pieces.add(text, id);
    }
  }

  encode(word: string): readonly number[] {
    return this.#cut(word).flatMap((piece) => {
      const id = this.#ids.get(piece);
      if (id !== undefined) return [id];
      const bytes = this.#byteFallback ? byteTokens(piece, this.#ids) : undefined;
      if (bytes !== undefined) return bytes;
      if (this.#unknownId === undefined) throw unknownText(piece);
      return [this.#unknownId];
    });
  }

  /** The best pieces of a word; unknown characters in a row are one. */
  #cut(word: string): string[] {
    const size = word.length;
    const scores = new Float64Array(size + 1), starts = new Int32Array(size + 1).fill(-1);
    const ids = new Int32Array(size + 1);
    for (let start = 0; start < size;) {
      const width = word.codePointAt(start)! > 0xffff ? 2 : 1;
      const soFar = scores[start]!;
      let hasCharacter = false;
      const offer = (end: number, id: number, score: number) => {
        if (starts[end] !== -1 && score <= scores[end]!) return;
        scores[end] = score;
        starts[end] = start;
        ids[end] = id;
      };
      this.#pieces.forEachPrefix(word, start, (end, id) => {
        offer(end, id, this.#scores[id]! + soFar);
        hasCharacter ||= end === start + width;
      });
      if (!hasCharacter) {
        if (this.#unknownId === undefined) throw unknownText(word.slice(start, start + width));
        offer(start + width, this.#unknownId, this.#unknownScore + soFar);
      }
      start += width;
    }
    const pieces: string[] = [];
    let unknownEnd = -1;
    for (let end = size; end > 0; end = starts[end]!) {
      const start = starts[end]!;
      if (ids[end] === this.#unknownId) {
        if (unknownEnd < 0) unknownEnd = end;
        if (start > 0 && ids[start] === this.#unknownId) continue;
        pieces.push(word.slice(start, unknownEnd));
        unknownEnd = -1;
      } else {
        pieces.push(word.slice(start, end));
      }
    }
    return pieces.reverse();
  }
}

/** Texts by their beginnings; all nodes are in one map, from node and UTF-16 unit to node. */
class PieceTrie {
  readonly #children = new Map<number, number>();
  /** Id of the piece that ends at a node; -1 for none. */
  readonly #ids: number[] = [-1];

  add(text: string, id: number): void {
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      const key = node * 0x10000 + text.charCodeAt(i);
      let child = this.#children.get(key);
      if (child === undefined) {
        child = this.#ids.push(-1) - 1;
        this.#children.set(key, child);
      }
      node = child;
    }
    this.#ids[node] = id;
  }

  /** Tells of every text that follows at `start`, the shortest first, where it ends. */
  forEachPrefix(text: string, start: number, tell: (end: number, id: number) => void): void {
    let node: number | undefined = 0;
    for (let i = start; i < text.length; i++) {
      node = this.#children.get(node * 0x10000 + text.charCodeAt(i));
      if (node === undefined) return;
      if (this.#ids[node]! >= 0) tell(i + 1, this.#ids[node]!);
    }
  }
}
