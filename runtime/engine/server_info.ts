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
import type { MemoryUsage, ServerInfo } from "../contracts/server_info.ts";
import { inSnakeCase } from "../contracts/snake_case.ts";
import type { SpeculationConfig } from "../contracts/speculation_config.ts";
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

/** Counters, memory, and the record of both and of all arguments as SGLang arranges it. */
export function describeServer(facts: ServerFacts, state: SchedulerState): ServerInfo {
  const memory = memoryUsage(facts);
  return { state, memory, record: describeAll(facts, state, memory) };
}

function describeAll(
  facts: ServerFacts,
  state: SchedulerState,
  memory: MemoryUsage,
): Readonly<Record<string, unknown>> {
  const { args: { apiKey: _, ...args }, model, verifierConfig, verifierInfo, schedulerConfig } = facts;
  const { threads, kvDtype, device } = verifierConfig;
  const { contextLength, maxRunningRequests, chunkedPrefillSize } = schedulerConfig;
  const { maxQueuedRequests, decodeLogInterval, maxStepMs = -1 } = schedulerConfig;
  const { maxQueuedPerClient = -1, maxQueuedTokens = null } = schedulerConfig;
  const { modelFolder: modelPath, tokenizerPath, servedModelName } = model;
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
    default_sampling_params: inSnakeCase({ ...model.samplingDefaults }),
    speculative_algorithm: facts.speculation?.algorithm ?? null,
    kv_cache_dtype: kvDtype,
    max_total_num_tokens: memory.tokenCapacity,
    max_model_len: contextLength,
    // One token more than the prompt must fit, and the KV of the last one is never needed.
    max_req_input_len: Math.min(contextLength, memory.tokenCapacity) - 1,
    internal_states: [{
      ...inSnakeCase(state),
      backend: verifierInfo.backend,
      ...describeSpeculation(facts, state),
      memory_usage: inSnakeCase({ ...memory }),
    }],
    version: manifest.version,
  };
}

/** Constant facts of the server for metrics. */
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

function memoryUsage({ verifierConfig, verifierInfo, speculation }: ServerFacts): MemoryUsage {
  const { draftWeightBytes, activationBytes, draftKvTokenBytes, hiddenTokenBytes } = memoryNeeds(
    verifierConfig,
    speculation,
  );
  const tokenCapacity = verifierInfo.numPages * verifierConfig.pageSize;
  return {
    weight: gigabytes(verifierInfo.weightBytes),
    kvcache: gigabytes(verifierInfo.kBytes + verifierInfo.vBytes),
    draftWeight: gigabytes(draftWeightBytes),
    draftKvcache: gigabytes(tokenCapacity * draftKvTokenBytes),
    hiddenStates: gigabytes(tokenCapacity * hiddenTokenBytes),
    activations: gigabytes(activationBytes),
    resident: gigabytes(Deno.memoryUsage().rss),
    tokenCapacity,
  };
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
