/**
 * A request as the scheduler knows it.
 *
 * @module
 */
import type { CacheNode } from "../cache/radix_cache.ts";
import type { Submit, TokenLogprob, Usage } from "../messages.ts";
import type { SamplingParams } from "../sampling/params.ts";

/** One generation. Pages: the first `numCachePages` belong to the cache and are locked by `node`, the others to it. */
export interface Sequence {
  readonly requestId: string;
  readonly sampling: SamplingParams;
  /** `sampling.maxTokens`, clipped to what context and pool leave. */
  readonly maxTokens: number;
  readonly numPrompt: number;
  /** Prompt, then what was generated. */
  readonly tokens: number[];
  /** Tokens whose keys and values are in `pages`. */
  numComputed: number;
  readonly pages: number[];
  numCachePages: number;
  node: CacheNode;
  /** False once the cache turned out to hold an equal page: the sequence goes on with its own. */
  sharesPages: boolean;
  /** The verifier knows its sampling state. */
  started: boolean;
  /** Its client is gone; it ends when its rows are back. */
  cancelled: boolean;
  /** Prompt tokens found in the cache at first admission; undefined before. */
  numCached: number | undefined;
  numPreemptions: number;
  /** Prompt logprobs so far, from `promptLogprobStart` on. */
  readonly promptLogprobs: TokenLogprob[];
}

/** A sequence that has nothing computed yet. */
export function newSequence(
  { requestId, promptTokens, sampling }: Submit,
  maxTokens: number,
  root: CacheNode,
): Sequence {
  return {
    requestId,
    sampling,
    maxTokens,
    numPrompt: promptTokens.length,
    tokens: [...promptTokens],
    numComputed: 0,
    pages: [],
    numCachePages: 0,
    node: root,
    sharesPages: true,
    started: false,
    cancelled: false,
    numCached: undefined,
    numPreemptions: 0,
    // Nothing predicts the first token.
    promptLogprobs: sampling.promptLogprobStart === 0
      ? [{ token: promptTokens[0]!, logprob: null, top: [] }]
      : [],
  };
}

/** Tokens generated so far. */
export function numOutput(sequence: Sequence): number {
  return sequence.tokens.length - sequence.numPrompt;
}

/** Rows a sequence still has to compute; 1 while it decodes. */
export function numRemaining(sequence: Sequence): number {
  return sequence.tokens.length - sequence.numComputed;
}

/** Position of the next prompt token whose logprob is wanted; infinite if none is. */
export function nextPromptLogprob({ sampling, promptLogprobs, numPrompt }: Sequence): number {
  if (sampling.promptLogprobStart < 0) return Infinity;
  const position = sampling.promptLogprobStart + promptLogprobs.length;
  return position < numPrompt ? position : Infinity;
}

/** Its token counts. */
export function usageOf(sequence: Sequence): Usage {
  return {
    numPromptTokens: sequence.numPrompt,
    numCompletionTokens: numOutput(sequence),
    numCachedTokens: sequence.numCached ?? 0,
    numPreemptions: sequence.numPreemptions,
  };
}
