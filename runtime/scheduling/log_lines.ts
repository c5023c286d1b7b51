/**
 * The scheduler's log lines, word for word SGLang's, since people's scripts read them.
 *
 * @module
 */
import { acceptLength, acceptRate, type SpeculationUsage } from "../contracts/usage.ts";
import { numUsedTokens, poolTokens, type SchedulingState, type Step } from "./state.ts";

/** Says what a step prefills; cached tokens count once, when a sequence is admitted. */
export function prefillLine(state: SchedulingState, step: Step): string {
  return `Prefill batch. #new-seq: ${step.numPrefilling}, #new-token: ${step.numPrefillRows}, ` +
    `#cached-token: ${step.numCachedTokens}, token usage: ${tokenUsage(state)}, ` +
    `#running-req: ${step.numDecoding}, #queue-req: ${state.waiting.size}`;
}

/** Says how decoding goes; `genThroughput` in tokens per second and `usage` of drafts since the last such line. */
export function decodeLine(
  state: SchedulingState,
  numDecoding: number,
  genThroughput: number,
  usage?: SpeculationUsage,
): string {
  const acceptance = usage === undefined ? "" : `accept len: ${acceptLength(usage).toFixed(2)}, ` +
    `accept rate: ${acceptRate(usage).toFixed(2)}, `;
  return `Decode batch. #running-req: ${numDecoding}, #token: ${numUsedTokens(state)}, ` +
    `token usage: ${tokenUsage(state)}, ${acceptance}cuda graph: True, ` +
    `gen throughput (token/s): ${genThroughput.toFixed(2)}, #queue-req: ${state.waiting.size}`;
}

/** Says that sequences lost their pages. */
export function preemptionLine(numPreempted: number): string {
  return `KV cache pool is full. Retract requests. #retracted_reqs: ${numPreempted}`;
}

/** Share of the pool in use; what the cache could evict is not. */
function tokenUsage(state: SchedulingState): string {
  return (numUsedTokens(state) / poolTokens(state.config)).toFixed(2);
}
