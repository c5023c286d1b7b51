/**
 * Messages between engine and scheduler: requests in, tokens out; `scheduler.ts` of `actors/` answers.
 *
 * @module
 */
import type { OutputConstraint } from "../contracts/constraint.ts";
import type { WireError } from "../contracts/errors.ts";
import type { SubmitBatch } from "../contracts/generation.ts";
import type { HiddenStates, Pooling } from "../contracts/hidden_states.ts";
import type { FinishReason, TokenLogprob } from "../contracts/outputs.ts";
import type { SamplingParams } from "../contracts/sampling_params.ts";
import type { SchedulerState } from "../contracts/scheduler_state.ts";
import type { SpeculationRound } from "../contracts/speculation_round.ts";
import type { Usage } from "../contracts/usage.ts";

/** Asks for a generation. Answered by `tokens`..., then one `finished` or `failed`. */
export interface Submit {
  readonly type: "submit";
  readonly requestId: string;
  readonly promptTokens: Int32Array;
  readonly sampling: SamplingParams;
  /** The client: requests of several clients take turns. */
  readonly client?: string;
  /** Only sequences with the same key share KV pages; sequences without one share among themselves. */
  readonly cacheKey?: string;
  /** The batch it belongs to: all of that is queued, or nothing. */
  readonly batch?: SubmitBatch;
  /** What its output must obey. */
  readonly constraint?: OutputConstraint;
  /** False: no drafts are made for it. */
  readonly speculative?: boolean;
  /** Asks for the `round` of each `tokens`. */
  readonly reportsRounds?: boolean;
  /** Asks for `hiddenStates` of each `tokens`. */
  readonly hiddenStates?: HiddenStates;
  /** Asks for an embedding of the prompt: no token is drawn, and `finished` has it. */
  readonly pooling?: Pooling;
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
  /** How the step came by the tokens, when asked for. */
  readonly round?: SpeculationRound;
  /**
   * One entry per token, when asked for: the hidden state after which it was drawn, before the first one those of the
   * whole prompt. With 0 tokens asked for, one entry all the same.
   */
  readonly hiddenStates?: readonly Float32Array[];
}

/** Last event of a request that was admitted. */
export interface Finished {
  readonly type: "finished";
  readonly requestId: string;
  readonly reason: FinishReason;
  readonly usage: Usage;
  /** Time in the queue before the request was admitted, milliseconds; absent if it never was. */
  readonly queueMs?: number;
  /** The pooled hidden states of a request with `pooling` that was not cut short. */
  readonly pooled?: Float32Array;
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
