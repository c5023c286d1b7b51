/**
 * The scheduler's log lines, word for word SGLang's, since people's scripts read them.
 *
 * @module
 */
import { acceptLength, acceptRate, type SpeculationUsage } from "../contracts/usage.ts";

/** The load as log lines have it. */
export interface LoggedLoad {
  /** Tokens of pages that are neither free nor evictable. */
  readonly numUsedTokens: number;
  /** Tokens that the KV pool holds. */
  readonly poolTokens: number;
  /** Sequences in the queue. */
  readonly numWaiting: number;
}

/** What a step prefills; cached tokens count once, when a sequence is admitted. */
export function prefillLine(
  load: LoggedLoad,
  step: {
    readonly numPrefilling: number;
    readonly numPrefillRows: number;
    readonly numCachedTokens: number;
    readonly numDecoding: number;
  },
): string {
  return `Prefill batch. #new-seq: ${step.numPrefilling}, #new-token: ${step.numPrefillRows}, ` +
    `#cached-token: ${step.numCachedTokens}, token usage: ${tokenUsage(load)}, ` +
    `#running-req: ${step.numDecoding}, #queue-req: ${load.numWaiting}`;
}

/**
 * The progress of decoding; `genThroughput` in tokens per second and `usage` of drafts since the last such line, whether
 * the last forward was a captured graph.
 */
export function decodeLine(
  load: LoggedLoad,
  { numDecoding, ranGraph }: { readonly numDecoding: number; readonly ranGraph: boolean },
  genThroughput: number,
  usage?: SpeculationUsage,
): string {
  const acceptance = usage === undefined ? "" : `accept len: ${acceptLength(usage).toFixed(2)}, ` +
    `accept rate: ${acceptRate(usage).toFixed(2)}, `;
  return `Decode batch. #running-req: ${numDecoding}, #token: ${load.numUsedTokens}, ` +
    `token usage: ${tokenUsage(load)}, ${acceptance}cuda graph: ${ranGraph ? "True" : "False"}, ` +
    `gen throughput (token/s): ${genThroughput.toFixed(2)}, #queue-req: ${load.numWaiting}`;
}

/** Sequences lost their pages. */
export function preemptionLine(numPreempted: number): string {
  return `KV cache pool is full. Retract requests. #retracted_reqs: ${numPreempted}`;
}

/** Share of the pool in use; what the cache could evict is not. */
function tokenUsage({ numUsedTokens, poolTokens }: LoggedLoad): string {
  return (numUsedTokens / poolTokens).toFixed(2);
}
