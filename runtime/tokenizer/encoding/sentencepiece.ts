/**
 * SentencePiece's byte-pair encoding: of the neighbours whose texts together are a piece, those that make the piece of
 * the best score become one, the leftmost of several. Follows sentencepiece's bpe_model.cc; GGUF files of kind `llama`
 * have such vocabularies.
 *
 * @module
 */
import { BYTE_NAMES } from "./bytes.ts";
import { MergeQueue } from "./merge_queue.ts";
import type { Model } from "./model.ts";
import type { TokenizerStep } from "./step.ts";

/** The `model` of a tokenizer.json that only Aerie reads. */
export interface SentencePieceVocabulary {
  readonly type: "SentencePiece";
  /** Ids by text. */
  readonly vocab: Readonly<Record<string, number>>;
  /** Scores by id. */
  readonly scores: readonly number[];
  /** Tokens that no text is split into: those of control, of single bytes, the unknown one. */
  readonly "left_out": readonly number[];
  /** Pieces that are only steps to longer ones: they are taken apart again. */
  readonly unused: readonly number[];
  /** There are tokens for all 256 bytes, which stand for characters that have none of their own. */
  readonly "byte_fallback": boolean;
  /** Else this token does, for a run of them together. */
  readonly "unk_token": string | null;
}

/** Whether a model is one with scores. */
export function isSentencePiece(
  model: TokenizerStep | SentencePieceVocabulary,
): model is SentencePieceVocabulary {
  return model.type === "SentencePiece";
}

/** A token that text may consist of. */
interface Piece {
  readonly id: number;
  /** Pieces of better scores have lower ranks; those of one score have the same. */
  readonly rank: number;
  readonly isUnused: boolean;
}

const UTF8 = new TextEncoder();

/** A model with scores. */
export class SentencePiece implements Model {
  readonly #pieces = new Map<string, Piece>();
  readonly #bytes: readonly number[] | undefined;
  readonly #unknown: number | undefined;

  constructor(vocabulary: SentencePieceVocabulary, isLeftOut: (token: string) => boolean) {
    const { vocab, scores, byte_fallback: hasBytes, unk_token: unknown } = vocabulary;
    const leftOut = new Set(vocabulary.left_out), unused = new Set(vocabulary.unused);
    const ranks = new Map([...new Set(scores)].toSorted((a, b) => b - a).map((score, rank) => [score, rank]));
    for (const [text, id] of Object.entries(vocab)) {
      if (leftOut.has(id) || isLeftOut(text)) continue;
      this.#pieces.set(text, { id, rank: ranks.get(scores[id]!)!, isUnused: unused.has(id) });
    }
    this.#bytes = hasBytes ? BYTE_NAMES.map((name) => vocab[name]!) : undefined;
    this.#unknown = unknown === null ? undefined : vocab[unknown];
  }

  encode(text: string): readonly number[] {
    const symbols = new Symbols(text), queue = new MergeQueue();
    /** Beginnings of unused pieces, by the pieces: where they are to be cut again. */
    const beginnings = new Map<string, string>();
    const offer = (left: number) => {
      const right = left < 0 ? -1 : symbols.after(left);
      if (right < 0) return;
      const merged = symbols.text(left, right), piece = this.#pieces.get(merged);
      if (piece === undefined) return;
      if (piece.isUnused) beginnings.set(merged, symbols.text(left));
      queue.push(piece.rank, left);
    };
    for (let at = 0; at + 1 < symbols.length; at++) offer(at);
    while (!queue.isEmpty) {
      const { rank, position } = queue.pop();
      const right = symbols.isThere(position) ? symbols.after(position) : -1;
      // The symbols may have changed since the pair was queued.
      if (right < 0 || this.#pieces.get(symbols.text(position, right))?.rank !== rank) continue;
      symbols.join(position);
      offer(symbols.before(position));
      offer(position);
    }
    const ids: number[] = [];
    for (let at = text === "" ? -1 : 0; at >= 0; at = symbols.after(at)) {
      this.#append(symbols.text(at), beginnings, ids);
    }
    return ids;
  }

  #append(text: string, beginnings: ReadonlyMap<string, string>, ids: number[]): void {
    const piece = this.#pieces.get(text);
    const beginning = piece?.isUnused ? beginnings.get(text) : undefined;
    if (beginning !== undefined) {
      this.#append(beginning, beginnings, ids);
      this.#append(text.slice(beginning.length), beginnings, ids);
    } else if (piece !== undefined) {
      ids.push(piece.id);
    } else if (this.#bytes !== undefined) {
      for (const byte of UTF8.encode(text)) ids.push(this.#bytes[byte]!);
    } else if (this.#unknown !== undefined && ids.at(-1) !== this.#unknown) {
      ids.push(this.#unknown);
    }
  }
}

/** The symbols of a text, at first its characters; each is named by its place among the characters. */
class Symbols {
  readonly #text: string;
  /** Where each begins and ends, UTF-16 units; one that became part of another ends at -1. */
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  /** Number of characters. */
  readonly length: number;

  constructor(text: string) {
    this.#text = text;
    this.#starts = new Int32Array(text.length);
    this.#ends = new Int32Array(text.length);
    let length = 0, start = 0;
    for (const character of text) {
      this.#starts[length] = start;
      this.#ends[length++] = start += character.length;
    }
    this.length = length;
    this.#previous = Int32Array.from({ length }, (_, i) => i - 1);
    this.#next = Int32Array.from({ length }, (_, i) => i + 1 < length ? i + 1 : -1);
  }

  /** Whether a symbol has not become part of another. */
  isThere(at: number): boolean {
    return this.#ends[at]! >= 0;
  }

  /** The symbol before one, or -1. */
  before(at: number): number {
    return this.#previous[at]!;
  }

  /** The symbol behind one, or -1. */
  after(at: number): number {
    return this.#next[at]!;
  }

  /** Text of a symbol, or from one to another. */
  text(from: number, to: number = from): string {
    return this.#text.slice(this.#starts[from], this.#ends[to]);
  }

  /** Makes a symbol and the one behind it one. */
  join(left: number): void {
    const right = this.#next[left]!, next = this.#next[right]!;
    this.#ends[left] = this.#ends[right]!;
    this.#ends[right] = -1;
    this.#next[left] = next;
    if (next >= 0) this.#previous[next] = left;
  }
}
