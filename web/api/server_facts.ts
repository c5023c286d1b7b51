/**
 * What the page says of model and engine, from `/model_info` and `/server_info`.
 *
 * @module
 */
import type { ApiFailure } from "./answer.ts";
import { authorizationOf, failureOfKey } from "./api_key.ts";
import { failureOf, unreachable } from "./failure.ts";

/** Facts about model and engine; absent where the server does not tell. */
export interface ServerFacts {
  readonly modelName: string;
  /** Tokens of prompt and answer together, at most. */
  readonly contextLength?: number;
  readonly version?: string;
  /** E.g. `EAGLE3`; absent without speculation. */
  readonly algorithm?: string;
  /** E.g. `cpu amx, 2 threads`. */
  readonly backend?: string;
  /** Time of a forward that computes one token, as measured at start, ms. */
  readonly plainStepMs?: number;
  /** Levels and nodes of a draft tree, at most. */
  readonly numDraftLevels?: number;
  readonly numDraftNodes?: number;
  /** Tokens that the KV pool holds. */
  readonly kvPoolTokens?: number;
}

interface ModelInfo {
  readonly "served_model_name"?: unknown;
  readonly "max_model_len"?: unknown;
}

interface ServerInfo {
  readonly version?: unknown;
  readonly "speculative_algorithm"?: unknown;
  readonly "max_total_num_tokens"?: unknown;
  readonly "internal_states"?: readonly {
    readonly backend?: unknown;
    readonly "forward_cost_ms"?: { readonly ms?: readonly unknown[] };
    readonly "speculative_tree"?: { readonly "num_steps"?: unknown; readonly "num_draft_tokens"?: unknown };
  }[];
}

/** Asks for the facts; a failure is returned, not thrown. */
export async function fetchFacts(apiKey: string): Promise<ServerFacts | ApiFailure> {
  const unusable = failureOfKey(apiKey);
  if (unusable !== undefined) return unusable;
  try {
    const [model, server] = await Promise.all(["model_info", "server_info"].map(async (path) => {
      const response = await fetch(path, { headers: authorizationOf(apiKey) });
      return response.ok ? { facts: await response.json() } : { failure: await failureOf(response) };
    }));
    return model!.failure ?? server!.failure ?? factsOf(model!.facts, server!.facts);
  } catch {
    return unreachable("The server does not answer");
  }
}

/** Whether the server takes requests. */
export async function isHealthy(): Promise<boolean> {
  try {
    const response = await fetch("health", { cache: "no-store" });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

function factsOf(model: ModelInfo, server: ServerInfo): ServerFacts {
  const state = server.internal_states?.[0];
  const facts = {
    contextLength: numberOf(model.max_model_len),
    version: textOf(server.version),
    algorithm: textOf(server.speculative_algorithm),
    backend: textOf(state?.backend),
    plainStepMs: numberOf(state?.forward_cost_ms?.ms?.[0]),
    numDraftLevels: numberOf(state?.speculative_tree?.num_steps),
    numDraftNodes: numberOf(state?.speculative_tree?.num_draft_tokens),
    kvPoolTokens: numberOf(server.max_total_num_tokens),
  };
  const known = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  return { modelName: textOf(model.served_model_name) ?? "default", ...known };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
