/**
 * The record behind `/get_server_info`.
 *
 * @module
 */
import manifest from "../../deno.json" with { type: "json" };
import type { SchedulerConfig, VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import type { ServerArgs } from "../contracts/server_args.ts";
import type { ModelInfo } from "../contracts/model_info.ts";
import type { SchedulerFacts } from "../metrics/scheduler_families.ts";
import { memoryNeeds } from "./memory_needs.ts";
import type { SchedulerState } from "../contracts/scheduler_state.ts";
import { inSnakeCase } from "../contracts/snake_case.ts";
import type { CostCurve, SpeculationConfig } from "../contracts/speculation_config.ts";
import { acceptLength } from "../contracts/usage.ts";

/** What {@linkcode describeServer} draws on. */
export interface ServerFacts {
  readonly args: ServerArgs;
  readonly model: ModelInfo;
  readonly verifierConfig: VerifierConfig;
  readonly verifierInfo: VerifierInfo;
  readonly schedulerConfig: SchedulerConfig;
  readonly speculation: SpeculationConfig | undefined;
}

/** What routers ask of a worker's place among others: one process, which does everything. */
const PARALLELISM = {
  tpSize: 1,
  dpSize: 1,
  ppSize: 1,
  epSize: 1,
  nnodes: 1,
  nodeRank: 0,
  disaggregationMode: "null",
};

/**
 * All arguments, flat, under their flags' names with the values in effect, then counters, as SGLang arranges them.
 * The API key is left out.
 */
export function describeServer(facts: ServerFacts, state: SchedulerState): Readonly<Record<string, unknown>> {
  const { args: { apiKey: _, ...args }, model, verifierConfig, verifierInfo, schedulerConfig } = facts;
  const { threads, kvDtype, device } = verifierConfig;
  const { contextLength, maxRunningRequests, chunkedPrefillSize } = schedulerConfig;
  const { maxQueuedRequests, decodeLogInterval, maxStepMs = -1 } = schedulerConfig;
  const { maxQueuedPerClient = -1, maxQueuedTokens = null } = schedulerConfig;
  const { modelFolder: modelPath, tokenizerPath, servedModelName } = model;
  const tokenCapacity = verifierInfo.numPages * verifierConfig.pageSize;
  const inEffect = { modelPath, tokenizerPath, servedModelName, threads, device };
  return {
    ...inSnakeCase({
      ...PARALLELISM,
      ...args,
      ...inEffect,
      contextLength,
      maxRunningRequests,
      chunkedPrefillSize,
    }),
    ...inSnakeCase({ maxQueuedRequests, maxQueuedPerClient, maxQueuedTokens, maxStepMs, decodeLogInterval }),
    speculative_algorithm: facts.speculation?.algorithm ?? null,
    kv_cache_dtype: kvDtype,
    max_total_num_tokens: tokenCapacity,
    max_model_len: contextLength,
    // One token more than the prompt must fit, and the KV of the last one is never needed.
    max_req_input_len: Math.min(contextLength, tokenCapacity) - 1,
    internal_states: [{
      ...inSnakeCase(state),
      backend: verifierInfo.backend,
      ...describeSpeculation(facts, state),
      memory_usage: describeMemory(facts, tokenCapacity),
    }],
    version: manifest.version,
  };
}

/** The sizes in effect, for the log. */
export function capacityLine({ verifierConfig, verifierInfo, schedulerConfig }: ServerFacts): string {
  const { chunkedPrefillSize, maxPrefillTokens, maxRunningRequests, contextLength } = schedulerConfig;
  return `max_total_num_tokens=${verifierInfo.numPages * verifierConfig.pageSize}, ` +
    `chunked_prefill_size=${chunkedPrefillSize}, max_prefill_tokens=${maxPrefillTokens}, ` +
    `max_running_requests=${maxRunningRequests}, context_len=${contextLength}`;
}

/** What metrics tell of the server beside counters. */
export function factsForMetrics(facts: ServerFacts): SchedulerFacts {
  const { model: { servedModelName, contextLength }, verifierConfig, verifierInfo } = facts;
  const { weightBytes, kBytes, vBytes } = verifierInfo;
  return {
    servedModelName,
    contextLength,
    pageSize: verifierConfig.pageSize,
    weightBytes,
    kvBytes: kBytes + vBytes,
  };
}

/** Gigabytes that are taken or reserved; `resident` is what the process has touched so far, of all it does. */
function describeMemory(
  { verifierConfig, verifierInfo, speculation }: ServerFacts,
  tokenCapacity: number,
): Record<string, number> {
  const { draftWeightBytes, activationBytes, draftKvTokenBytes, hiddenTokenBytes } = memoryNeeds(
    verifierConfig,
    speculation,
  );
  return {
    weight: gigabytes(verifierInfo.weightBytes),
    kvcache: gigabytes(verifierInfo.kBytes + verifierInfo.vBytes),
    draft_weight: gigabytes(draftWeightBytes),
    draft_kvcache: gigabytes(tokenCapacity * draftKvTokenBytes),
    hidden_states: gigabytes(tokenCapacity * hiddenTokenBytes),
    activations: gigabytes(activationBytes),
    resident: gigabytes(Deno.memoryUsage().rss),
    token_capacity: tokenCapacity,
  };
}

/** The measured costs, for the log. */
export function costLines(
  { algorithm, numSteps, topk, numDraftTokens, adaptive }: SpeculationConfig,
  { drafting }: SchedulerConfig,
): string[] {
  if (drafting === undefined) return [];
  const { forwardMs, contextMs: { perSequence, perRow }, draftMs: { firstMs, levelMs, tokenMs } } = drafting;
  const curve = ({ sizes, ms }: CostCurve) =>
    sizes.map((size, i) => `${size}: ${ms[i]!.toFixed(2)}`).join(", ");
  return [
    `Speculative decoding. algorithm: ${algorithm}, num_steps: ${numSteps}, eagle_topk: ${topk}, ` +
    `num_draft_tokens: ${numDraftTokens}, ${adaptive ? "fewer where they do not pay" : "always"}`,
    `Forward cost by rows, ms: ${curve(forwardMs)}; for 1000 tokens of context ` +
    `${(1000 * perSequence).toFixed(2)} a sequence, ${(1000 * perRow).toFixed(2)} a row`,
    `Draft cost by sequences, ms: first level ${curve(firstMs)}; each further level ${curve(levelMs)}; ` +
    `for 1000 tokens it was not told ${(1000 * tokenMs).toFixed(1)}`,
  ];
}

function describeSpeculation(
  { speculation, schedulerConfig: { drafting } }: ServerFacts,
  { speculation: usage, lastSpeculation: lastUsage }: SchedulerState,
): Record<string, unknown> {
  if (speculation === undefined || usage === undefined) return {};
  const { numSteps, topk, numDraftTokens, adaptive } = speculation;
  return {
    avg_spec_accept_length: acceptLength(usage),
    speculation: inSnakeCase(usage),
    ...(lastUsage && { last_speculation: inSnakeCase(lastUsage) }),
    speculative_tree: inSnakeCase({ numSteps, topk, numDraftTokens, adaptive }),
    forward_cost_ms: drafting?.forwardMs,
    context_cost_ms: drafting && inSnakeCase(drafting.contextMs),
    draft_cost_ms: drafting && inSnakeCase(drafting.draftMs),
  };
}

function gigabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 30 * 100) / 100;
}
