/**
 * Messages between scheduler and verifier: the segments of a forward, and what they yielded.
 *
 * @module
 */
import type { DraftTree } from "../contracts/draft_tree.ts";
import type { WireError } from "../contracts/errors.ts";
import type { TokenLogprob } from "../contracts/outputs.ts";
import type { SamplingParams } from "../contracts/sampling_params.ts";

/** Sampling state of a sequence, sent once before its first segment and again after a preemption. */
export interface SequenceStart {
  /** The sequence. */
  readonly requestId: string;
  /** How its tokens are drawn. */
  readonly sampling: SamplingParams;
  /** Prompt followed by what was generated so far. */
  readonly tokens: Int32Array;
  /** Length of the prompt in `tokens`. */
  readonly numPromptTokens: number;
  /** Its tokens are masked by the matcher. */
  readonly isConstrained?: boolean;
}

/** Consecutive rows of one sequence in a forward. */
export interface Segment {
  /** The sequence. */
  readonly requestId: string;
  /** One row per token. */
  readonly tokens: Int32Array;
  /** Position of the first row: the number of tokens already in KV. */
  readonly start: number;
  /** Page table of the sequence; covers `start + tokens.length` tokens and the nodes of the tree. */
  readonly pages: Int32Array;
  /** Draw the token after the last row. */
  readonly sample: boolean;
  /** Drafts of what follows the last row, which is the root of their tree; only if it is sampled. */
  readonly tree?: DraftTree;
  /** Nodes that the tree may have after the matcher added forced tokens; 0 if left out. */
  readonly maxNodes?: number;
  /**
   * Rows whose next token is a known prompt token with a wanted logprob: the last `numRows`, not counting the sampled
   * row.
   */
  readonly promptLogprobs?: { readonly numRows: number; readonly nextTokens: Int32Array };
  /**
   * Rows whose hidden states are wanted. Together with the other rows that are outputs they have no gap; those of accepted
   * drafts are wanted too.
   */
  readonly hiddenStates?: { readonly firstRow: number; readonly numRows: number };
}

/** Runs one forward over all segments. Answered by `forwarded`. */
export interface Forward {
  /** Discriminates. */
  readonly type: "forward";
  /** Number of the step, repeated in the answer. */
  readonly step: number;
  /** Sequences that are new to the verifier. */
  readonly starts: readonly SequenceStart[];
  /** At most one per sequence. */
  readonly segments: readonly Segment[];
}

/** The sequence is over (or preempted): forget its state. No answer. */
export interface Release {
  /** Discriminates. */
  readonly type: "release";
  /** The sequence. */
  readonly requestId: string;
}

/** What one segment yielded. */
export interface SegmentResult {
  /** Tokens drawn: none unless the segment asked for a sample; one, or with a tree the accepted drafts and one more. */
  readonly tokens: Int32Array;
  /**
   * Accepted nodes of the segment's tree in the order of their path, whose tokens are the first of `tokens`. Their KV
   * then follows that of the segment's rows.
   */
  readonly accepted: Int32Array;
  /** The tree that was verified, if the matcher changed it. */
  readonly tree?: DraftTree;
  /** The sequence cannot go on: its matcher is lost. */
  readonly error?: WireError;
  readonly logprobs?: readonly TokenLogprob[];
  readonly promptLogprobs?: readonly TokenLogprob[];
  /** Hidden states [rows, hiddenSize], when wanted: of the segment's rows, then of the accepted drafts. */
  readonly hiddenStates?: Float32Array;
}

/** Result of a `forward`, segment by segment in the same order. */
export interface Forwarded {
  readonly type: "forwarded";
  readonly step: number;
  readonly results: readonly SegmentResult[];
  /** Time inside the native forward, milliseconds. */
  readonly forwardMs: number;
  /** It ran as a captured graph; no if left out. */
  readonly ranGraph?: boolean;
}
