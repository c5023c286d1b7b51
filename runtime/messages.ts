/**
 * Every message that crosses an actor border. Commands are imperatives, facts past participles; `type`
 * discriminates; step messages carry `step`, request messages and the events of `progressed` carry `requestId`. All values
 * are structured-cloneable and typed arrays own their whole buffer.
 *
 * @module
 */
import type { ControlCommand, ControlFact } from "./control_messages.ts";
import type { WireError } from "./errors.ts";
import type { SamplingParams } from "./sampling/params.ts";
import type { SchedulerState } from "./scheduler_state.ts";
import type { Usage } from "./usage.ts";

export type { SchedulerState } from "./scheduler_state.ts";
export type { SpeculationUsage, Usage } from "./usage.ts";

/** Who can send and receive. */
export type Address = "engine" | "scheduler" | "drafter" | "verifier";

// engine -> scheduler

/** Asks for a generation. Answered by `tokens`..., then one `finished` or `failed`. */
export interface Submit {
  readonly type: "submit";
  readonly requestId: string;
  readonly promptTokens: Int32Array;
  readonly sampling: SamplingParams;
  /** Who asks: requests of several clients take turns. */
  readonly client?: string;
  /** Only sequences with the same one share KV pages; absent, those without. */
  readonly cacheKey?: string;
  /** The batch it belongs to: all of that is queued, or nothing. */
  readonly batch?: SubmitBatch;
}

/** A request's place among those that one HTTP request asks for; they are submitted one right after another. */
export interface SubmitBatch {
  /** Of no other batch. */
  readonly id: string;
  /** Requests that come after this one. */
  readonly numFollowing: number;
  /** Tokens of their prompts. */
  readonly numFollowingTokens: number;
}

/** Ends a request early; answered by `finished` with reason `abort` unless it ended before. */
export interface Cancel {
  readonly type: "cancel";
  readonly requestId: string;
}

/** Empties the radix cache if nothing runs; answered by `flushed`. */
export interface Flush {
  readonly type: "flush";
}

/** Asks for counters; answered by `inspected`. */
export interface Inspect {
  readonly type: "inspect";
}

// scheduler -> engine

/** Log-probabilities of one position. */
export interface TokenLogprob {
  /** Token id. */
  readonly token: number;
  /** Natural logarithm; null for the first prompt token, which nothing predicts. */
  readonly logprob: number | null;
  /** Most probable tokens and their log-probabilities, descending. */
  readonly top: readonly (readonly [token: number, logprob: number])[];
  /** Log-probabilities of the `logprobTokens`, in their order, if there are any. */
  readonly chosen?: readonly number[];
  /** Of the token among all, the most probable being 1; for prompt tokens, when asked for. */
  readonly rank?: number;
}

/** New tokens of a request, in order. */
export interface Tokens {
  readonly type: "tokens";
  readonly requestId: string;
  readonly tokens: Int32Array;
  /** One entry per token, when asked for. */
  readonly logprobs?: readonly TokenLogprob[];
  /** What may come next, if no tokens were asked for, but the logprobs of some. */
  readonly next?: TokenLogprob;
  /** Prompt logprobs from `promptLogprobStart` on, with the first `tokens` of a request only. */
  readonly promptLogprobs?: readonly TokenLogprob[];
  /** Time in the queue before the request was admitted, milliseconds, with the first `tokens` of a request only. */
  readonly queueMs?: number;
}

/** Why a generation ended. `matched` is the stop token or stop text. */
export type FinishReason =
  | { readonly type: "stop"; readonly matched: number | string }
  | { readonly type: "length"; readonly length: number }
  | { readonly type: "abort"; readonly message: string };

/** Last event of a request that was admitted. */
export interface Finished {
  readonly type: "finished";
  readonly requestId: string;
  readonly reason: FinishReason;
  readonly usage: Usage;
  /** Time in the queue before the request was admitted, milliseconds; absent if it never was. */
  readonly queueMs?: number;
}

/** Last event of a request that went wrong. */
export interface Failed {
  readonly type: "failed";
  readonly requestId: string;
  readonly error: WireError;
}

/** Events of some steps, all in one message: to wake another thread costs more than what it says. */
export interface Progressed {
  readonly type: "progressed";
  readonly events: readonly (Tokens | Finished | Failed)[];
}

/** Answer to `flush`: false while requests run or wait. */
export interface Flushed {
  readonly type: "flushed";
  readonly done: boolean;
}

/** Answer to `inspect`. */
export interface Inspected {
  readonly type: "inspected";
  readonly state: SchedulerState;
}

// scheduler -> drafter

/** One sequence that wants drafts. */
export interface DraftRequest {
  /** The sequence. */
  readonly requestId: string;
  /** Position of `tokens[0]`. */
  readonly start: number;
  /**
   * Tokens the drafter was not given yet, up to the newest, the root of the tree. The first request of a sequence has
   * start 0.
   */
  readonly tokens: Int32Array;
  /** Page table; covers the root's position and as many more as there may be levels or nodes. */
  readonly pages: Int32Array;
  /** Levels to grow at most; 0 for no tree. */
  readonly numSteps: number;
  /** Children of a node at most, and nodes kept per level. */
  readonly topk: number;
  /** Nodes to return at most, the root not counted. */
  readonly numNodes: number;
}

/** Asks for trees; answered by `drafted`. */
export interface Draft {
  /** Discriminates. */
  readonly type: "draft";
  /** Number of the step that will verify the trees, repeated in the answer. */
  readonly step: number;
  /** At most one per sequence. */
  readonly requests: readonly DraftRequest[];
}

/** A draft tree without its root. Parents precede children, siblings stand most probable first. */
export interface DraftTree {
  /** Its nodes' tokens. */
  readonly tokens: Int32Array;
  /** Index of the parent; -1 is the root. */
  readonly parents: Int32Array;
  /** The drafter's estimate that the node is reached and accepted: the product along its path. */
  readonly probabilities: Float32Array;
}

/** Result of a `draft`, a tree per request in the same order. */
export interface Drafted {
  /** Discriminates. */
  readonly type: "drafted";
  /** Number of the step, as in the `draft`. */
  readonly step: number;
  /** One per request. */
  readonly trees: readonly DraftTree[];
}

// scheduler -> verifier

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
  /**
   * Rows whose next token is a known prompt token with a wanted logprob: the last `numRows`, not counting the sampled
   * row.
   */
  readonly promptLogprobs?: { readonly numRows: number; readonly nextTokens: Int32Array };
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
  /**
   * Tokens drawn: none unless the segment asked for a sample; one, or with a tree the accepted drafts and one more. The
   * KV of the accepted ones then follows that of the segment's rows.
   */
  readonly tokens: Int32Array;
  readonly logprobs?: readonly TokenLogprob[];
  readonly promptLogprobs?: readonly TokenLogprob[];
}

/** Result of a `forward`, segment by segment in the same order. */
export interface Forwarded {
  readonly type: "forwarded";
  readonly step: number;
  readonly results: readonly SegmentResult[];
  /** Time inside the native forward, milliseconds. */
  readonly forwardMs: number;
}

/** Commands and facts that the scheduler receives. */
export type SchedulerMessage = Submit | Cancel | Flush | Inspect | ControlCommand | Drafted | Forwarded;
/** Commands the verifier takes. */
export type VerifierMessage = Forward | Release;
/** Commands the drafter takes. */
export type DrafterMessage = Draft | Release;
/** Facts that the engine receives. */
export type EngineMessage = Progressed | Flushed | Inspected | ControlFact;

/** Marks a `switch` over a union as complete. */
export function unreachable(value: never): never {
  throw new TypeError(`Cannot handle message: ${JSON.stringify(value)}`);
}
