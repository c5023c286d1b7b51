/**
 * The record behind `/get_server_info`.
 *
 * @module
 */
import manifest from "../deno.json" with { type: "json" };
import type { SchedulerConfig, ServerArgs, VerifierConfig, VerifierInfo } from "./config.ts";
import type { ModelInfo } from "./generation.ts";
import type { SchedulerState } from "./messages.ts";

/** What {@linkcode describeServer} draws on. */
export interface ServerFacts {
  readonly args: ServerArgs;
  readonly model: ModelInfo;
  readonly verifierConfig: VerifierConfig;
  readonly verifierInfo: VerifierInfo;
  readonly schedulerConfig: SchedulerConfig;
}

/**
 * All arguments, flat, under their flags' names with the values in effect, then counters, as SGLang arranges them.
 * The API key is left out.
 */
export function describeServer(facts: ServerFacts, state: SchedulerState): Readonly<Record<string, unknown>> {
  const { args: { apiKey: _, ...args }, model, verifierConfig, verifierInfo, schedulerConfig } = facts;
  const { threads, kvDtype, device } = verifierConfig;
  const { contextLength, maxRunningRequests, chunkedPrefillSize } = schedulerConfig;
  const { modelPath, tokenizerPath, servedModelName } = model;
  const tokenCapacity = verifierInfo.numPages * verifierConfig.pageSize;
  const inEffect = { modelPath, tokenizerPath, servedModelName, threads, device };
  return {
    ...inSnakeCase({ ...args, ...inEffect, contextLength, maxRunningRequests, chunkedPrefillSize }),
    kv_cache_dtype: kvDtype,
    max_total_num_tokens: tokenCapacity,
    internal_states: [{
      ...inSnakeCase(state),
      backend: verifierInfo.backend,
      memory_usage: {
        weight: gigabytes(verifierInfo.weightBytes),
        kvcache: gigabytes(verifierInfo.kBytes + verifierInfo.vBytes),
        token_capacity: tokenCapacity,
      },
    }],
    version: manifest.version,
  };
}

function inSnakeCase(record: object): Record<string, unknown> {
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [snake(name), value]));
}

function gigabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 30 * 100) / 100;
}
