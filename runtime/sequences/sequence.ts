/**
 * The record of one generation.
 *
 * @module
 */
import type { RadixNode } from "../cache/radix_cache.ts";
import type { OutputConstraint } from "../contracts/constraint.ts";
import type { TokenLogprob } from "../contracts/outputs.ts";
import type { Usage } from "../contracts/usage.ts";
import type { SamplingParams } from "../contracts/sampling_params.ts";
import type { WantedStates } from "./hidden_states.ts";
import { copyCounts, type SpeculationCounts } from "../contracts/speculation_counts.ts";

/** The copies of a prompt: sequences of one batch that have it in common. */
export interface Copies {
  readonly batchId: string;
  readonly promptIndex: number;
  /** The copy that was last admitted to compute the prompt. */
  reader: Sequence | undefined;
}

/**
 * A request that was accepted and has not ended. It waits, first for its constraint to be compiled if it has one and then
 * to be admitted, owning nothing; or it runs: then its first `prefix.depth`
 * pages are the radix cache's, locked, and the others its own.
 */
export interface Sequence {
  readonly requestId: string;
  readonly sampling: SamplingParams;
  /** The client that sent it; empty if clients are not told apart. */
  readonly client: string;
  /** Only sequences with the same one share pages. */
  readonly cacheKey: string;
  /** The copies of its prompt, itself included; undefined if there is no batch. */
  readonly copies: Copies | undefined;
  /** What its output must obey; undefined: nothing. */
  readonly constraint: OutputConstraint | undefined;
  readonly numPromptTokens: number;
  /** Tokens to generate at most: as asked, or until context or pool end. */
  readonly maxTokens: number;
  /** Drafts may be made for it; false if it is to be decoded plainly. */
  readonly isSpeculative: boolean;
  /** The client wants to know of each step how it came by its tokens. */
  readonly reportsRounds: boolean;
  /** When it came, by the scheduler's clock, milliseconds. */
  readonly submittedAt: number;
  /** Time from then until it was first admitted, milliseconds. */
  queueMs: number | undefined;
  /** Prompt followed by what was generated. */
  readonly tokens: number[];
  /** Tokens whose KV is in `pages`. */
  numComputed: number;
  /** Tokens there were when it was admitted; it decodes once these are computed. */
  numPrefill: number;
  /** Drafted-through: tokens that were sent to the drafter; 0 from admission until its first draft. */
  numDrafted: number;
  /** Tokens whose draft KV is in `pages`, as the drafter reported with its last draft. */
  numDraftKv: number;
  /** Page table; longer than the tokens need while drafts are under way. */
  pages: number[];
  prefix: RadixNode;
  /** Prompt tokens found in the radix cache when it was first admitted. */
  numCached: number | undefined;
  /** Tokens found in the radix cache when it was last admitted. */
  numAttached: number;
  numPreemptions: number;
  /** Position of the next prompt token whose logprob is wanted; past the prompt if there is none. */
  nextPromptLogprob: number;
  /** What is known of the wanted prompt logprobs, until it is sent. */
  promptLogprobs: TokenLogprob[] | undefined;
  /** Its hidden states; undefined if they are not wanted. */
  readonly states: WantedStates | undefined;
  /** What became of its drafts, from its first decode step under speculation on. */
  speculation: SpeculationCounts | undefined;
  /** To be dropped when the step in flight ends. */
  cancelled: boolean;
}

/** Generated tokens. */
export function numOutputTokens({ tokens, numPromptTokens }: Sequence): number {
  return tokens.length - numPromptTokens;
}

/** True from admission until the first token it draws afterwards. */
export function isPrefilling({ numComputed, numPrefill }: Sequence): boolean {
  return numComputed < numPrefill;
}

/** Token counts as reported. */
export function usageOf(sequence: Sequence): Usage {
  return {
    numPromptTokens: sequence.numPromptTokens,
    numCompletionTokens: numOutputTokens(sequence),
    numCachedTokens: sequence.numCached ?? 0,
    numPreemptions: sequence.numPreemptions,
    ...(sequence.speculation && { speculation: copyCounts(sequence.speculation) }),
  };
}
