/**
 * What the pool and a grammar host say to each other. Grammars and sequences go by numbers that the pool gives.
 *
 * @module
 */
import type { GrammarSource, ThinkingConstraint } from "../../contracts/constraint.ts";
import type { DraftTree } from "../../contracts/draft_tree.ts";
import type { WireError } from "../../contracts/errors.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** What a host is asked; it answers one request after the other. */
export type HostRequest =
  /** The body is the tokenizer's definition, see `runtime/tokenizer/source.ts`. Answered by `loaded` or `failed`. */
  | { readonly type: "load"; readonly vocabulary: Vocabulary }
  /** Answered by `compiled` or `failed`. */
  | { readonly type: "compile"; readonly grammar: number; readonly source: GrammarSource }
  /** Forget a grammar that no sequence has. No answer. */
  | { readonly type: "drop"; readonly grammar: number }
  /** Make a sequence's matcher. No answer. */
  | {
    readonly type: "open";
    readonly sequence: number;
    readonly grammar?: number | undefined;
    readonly thinking?: ThinkingConstraint | undefined;
  }
  /** Forget a sequence. No answer. */
  | { readonly type: "close"; readonly sequence: number }
  /** The body is what {@linkcode writeMatch} makes. Answered by `refined`, then by `masked`. */
  | { readonly type: "match"; readonly sequences: readonly MatchHead[] };

/** A sequence of a step. */
export interface MatchHead {
  readonly sequence: number;
  /** Output tokens of the host's matcher that stay; it takes further ones back. */
  readonly numKept: number;
  /** Output tokens behind those. */
  readonly numTokens: number;
  /** Nodes of the draft tree behind those. */
  readonly numNodes: number;
  /** See `MatchRequest`. */
  readonly maxNodes: number;
}

/** What a host answers. */
export type HostReply =
  | { readonly type: "loaded" }
  | { readonly type: "compiled" }
  | { readonly type: "failed"; readonly error: WireError }
  /** Trees in the body, of so many nodes each. */
  | { readonly type: "refined"; readonly numNodes: readonly number[] }
  /** The body is of i32: by sequence its rows and whether each must end, then the words of masks that are new. */
  | {
    readonly type: "masked";
    readonly sequences: readonly MaskedHead[];
    /** All masks that are known are to be forgotten. */
    readonly isReset: boolean;
    readonly numNew: number;
  };

/** The masks of one sequence of a step. */
export interface MaskedHead {
  readonly numRows: number;
  /** Why there are none. */
  readonly error?: WireError;
}

/** Writes typed arrays of four-byte elements one behind the other. */
export function joinArrays(arrays: readonly (Int32Array | Float32Array | Uint32Array)[]): Uint8Array {
  const bytes = new Uint8Array(arrays.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of arrays) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return bytes;
}

/** The arrays of a tree, as {@linkcode ArrayReader.tree} reads them. */
export function treeArrays({ tokens, parents, probabilities }: DraftTree): (Int32Array | Float32Array)[] {
  return [tokens, parents, probabilities];
}

/** Reads what {@linkcode joinArrays} wrote. */
export class ArrayReader {
  readonly #buffer: ArrayBuffer;
  #at = 0;

  constructor({ buffer }: Uint8Array<ArrayBuffer>) {
    this.#buffer = buffer;
  }

  /** The next numbers, as an array of its own. */
  ints(length: number): Int32Array {
    return new Int32Array(this.#take(length));
  }

  /** The next unsigned numbers, as an array of its own. */
  words(length: number): Uint32Array {
    return new Uint32Array(this.#take(length));
  }

  /** The next tree. */
  tree(numNodes: number): DraftTree {
    return {
      tokens: this.ints(numNodes),
      parents: this.ints(numNodes),
      probabilities: new Float32Array(this.#take(numNodes)),
    };
  }

  #take(length: number): ArrayBuffer {
    return this.#buffer.slice(this.#at, this.#at += 4 * length);
  }
}
