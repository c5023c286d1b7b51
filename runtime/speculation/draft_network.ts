/**
 * The network that a tree proposer drafts with, a draft model or head, and the sizes of its batch and its KV pool.
 *
 * @module
 */
import type { BatchLimits } from "../../ffi/types.ts";
import type { Context } from "../../ffi/context.ts";
import type { BatchId, TensorId } from "../../ffi/handles.ts";
import type { ProposerLimits } from "./proposer.ts";
import { MAX_GROWN_ROWS } from "./tree_growth.ts";

/** Rows of a forward of draft extend, at least. */
const MIN_ROWS = 256;

/** The network that a tree proposer drafts with. */
export interface DraftNetwork {
  readonly context: Context;
  /** Batch of at least {@linkcode draftLimits}. */
  readonly batch: BatchId;
  /** [outputs, vocabSize], valid after a forward. */
  readonly logits: TensorId;
  readonly vocabSize: number;
  /** Target id of each of its tokens; undefined if they are the same. */
  readonly draftTokens?: Int32Array | undefined;
  /** KV entry e is computed from the token at e + numNextTokens: 0 of a model, 1 of a head. */
  readonly numNextTokens: 0 | 1;
  /** Entry 0 is computed without a token, as in the training of some heads. */
  readonly skipsFirstToken?: boolean;
  /** Levels of a tree that have a forward of their own; the last one's goes on for deeper levels. 1 if absent. */
  readonly numLevels?: number;
  /** Runs or records the forward over committed tokens. The batch's sources are their slots. */
  extend(): void;
  /**
   * Runs or records what a head computes of the same rows besides. The batch's sources are the slots of the tokens before
   * them, of the first token its own.
   */
  extendFurther?(): void;
  /**
   * Runs or records the forward over drafts of a level, from 1 to `numLevels`. The batch's sources are the output rows they
   * were drafted from.
   */
  grow(level: number): void;
}

/** Sizes of a draft model's batch and KV pool. */
export interface DraftLimits {
  readonly batch: BatchLimits;
  /** Pages of the draft KV pool: as many as the target's, and scratch pages for the nodes of trees. */
  readonly numPages: number;
}

/** The sizes that `TreeProposer` needs for trees of `topk` children per node. */
export function draftLimits(
  { maxSequences, numPages, pageSize, contextLength }: ProposerLimits,
  topk: number,
): DraftLimits {
  const outputs = maxSequences * topk, scratch = numScratchPages(pageSize);
  return {
    batch: {
      rows: Math.max(MIN_ROWS, outputs),
      segments: maxSequences,
      pages: Math.ceil(contextLength / pageSize) + scratch,
      outputs,
    },
    numPages: numPages + maxSequences * scratch,
  };
}

/** Pages for the rows of a tree beyond the sequence's last page. */
export function numScratchPages(pageSize: number): number {
  return Math.ceil(MAX_GROWN_ROWS / pageSize);
}
