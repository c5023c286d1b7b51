/**
 * How busy the server is, as routers ask: SGLang's `/get_load` and `/v1/loads`.
 *
 * @module
 */
import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import manifest from "../../deno.json" with { type: "json" };
import {
  cacheHitRate,
  genThroughput,
  type SchedulerState,
  tokenUsage,
  utilization,
} from "../../runtime/contracts/scheduler_state.ts";
import type { MemoryUsage, ServerInfo } from "../../runtime/contracts/server_info.ts";
import { acceptLength, acceptRate } from "../../runtime/contracts/usage.ts";
import type { RouteContext } from "../generation/context.ts";
import { throwInvalidField } from "../answers/errors.ts";
import { PROMETHEUS_TYPE } from "../generation/http_metrics.ts";
import { errorBody, jsonContent } from "../answers/content.ts";

const load = z.object({
  dp_rank: z.literal(0),
  /** Requests that run or wait. */
  num_reqs: z.int(),
  num_waiting_reqs: z.int(),
  /** Tokens in use, and those that wait to be computed. */
  num_tokens: z.int(),
}).openapi("Load");

/** Sections by the name that `include` has for them and the one they are answered under. */
const SECTIONS = {
  memory: "memory",
  spec: "speculative",
  lora: "lora",
  disagg: "disaggregation",
  queues: "queues",
} as const;
const SECTION_NAMES: readonly string[] = ["core", "all", ...Object.keys(SECTIONS)];

const memory = z.object({
  weight_gb: z.number(),
  kv_cache_gb: z.number(),
  graph_gb: z.number(),
  token_capacity: z.int(),
});

const fullLoad = z.object({
  /** Seconds since 1970. */
  timestamp: z.number(),
  dp_rank: z.literal(0),
  num_running_reqs: z.int(),
  num_waiting_reqs: z.int(),
  num_total_reqs: z.int(),
  /** Tokens that wait, less the share that the radix cache had of all prompts so far. */
  num_waiting_uncached_tokens: z.int(),
  num_used_tokens: z.int(),
  num_total_tokens: z.int(),
  num_active_tokens: z.int(),
  max_total_num_tokens: z.int(),
  max_running_requests: z.int(),
  /** Share of the KV pool in use. */
  token_usage: z.number(),
  /** Tokens per second, 0 while nothing runs. */
  gen_throughput: z.number(),
  cache_hit_rate: z.number(),
  /** Share of places or of the KV pool in use, whichever is more. */
  utilization: z.number(),
  total_prefill_uncached_tokens: z.int(),
  memory: memory.optional(),
  speculative: z.object({ accept_length: z.number(), accept_rate: z.number() }).optional(),
  disaggregation: z.object({ mode: z.literal("null") }).optional(),
  queues: z.object({
    waiting: z.int(),
    grammar: z.int(),
    paused: z.int(),
    retracted: z.int(),
  }).optional(),
}).openapi("FullLoad");

type FullLoad = z.infer<typeof fullLoad>;

const getLoadRoute = createRoute({
  method: "get",
  path: "/get_load",
  summary: "Requests and tokens there are, one entry per data-parallel rank, of which there is one",
  responses: { 200: jsonContent(z.array(load), "The load") },
});

const loadsRoute = createRoute({
  method: "get",
  path: "/v1/loads",
  summary: "The same in detail",
  request: {
    query: z.object({
      include: z.string().max(256).optional().openapi({
        description: `Sections with commas between: ${SECTION_NAMES.join(", ")}; all if left out`,
      }),
      dp_rank: z.coerce.number().int().optional(),
      format: z.enum(["json", "prometheus"]).optional(),
    }),
  },
  responses: {
    200: {
      description: "The load",
      content: {
        "application/json": {
          schema: z.object({
            /** ISO 8601. */
            timestamp: z.string(),
            version: z.string(),
            accelerator: z.null(),
            num_accelerators: z.literal(1),
            dp_rank_count: z.literal(1),
            loads: z.array(fullLoad),
          }),
        },
        "text/plain": { schema: z.string() },
      },
    },
    400: jsonContent(errorBody, "A section or rank that does not exist"),
  },
});

/** Adds the endpoints. */
export function addLoads(app: OpenAPIHono, { generator }: RouteContext): void {
  app.openapi(getLoadRoute, async (c) => {
    const { numRunning, numWaiting, numUsedTokens, numWaitingTokens } = await generator.schedulerState();
    return c.json([{
      dp_rank: 0 as const,
      num_reqs: numRunning + numWaiting,
      num_waiting_reqs: numWaiting,
      num_tokens: numUsedTokens + numWaitingTokens,
    }], 200);
  });

  app.openapi(loadsRoute, async (c) => {
    const { include, dp_rank: rank = 0, format } = c.req.valid("query");
    if (rank !== 0) throwInvalidField("dp_rank", `there is rank 0 only, not ${rank}`);
    const sections = (include || "all").split(",").map((name) => name.trim());
    const unknown = sections.find((name) => !SECTION_NAMES.includes(name));
    if (unknown !== undefined) {
      throwInvalidField("include", `there is no section ${unknown}, only ${SECTION_NAMES.join(", ")}`);
    }
    const one = describeLoad(await generator.serverInfo(), sections);
    if (format === "prometheus") return c.text(toPrometheus(one), 200, { "Content-Type": PROMETHEUS_TYPE });
    return c.json({
      timestamp: new Date().toISOString(),
      version: manifest.version,
      accelerator: null,
      num_accelerators: 1 as const,
      dp_rank_count: 1 as const,
      loads: [one],
    }, 200);
  });
}

function describeLoad({ state, memory }: ServerInfo, sections: readonly string[]): FullLoad {
  const has = (name: keyof typeof SECTIONS) => sections.includes("all") || sections.includes(name);
  const { speculation } = state;
  return {
    ...core(state),
    ...(has("memory") && { memory: describeMemory(memory) }),
    ...(has("spec") && speculation && speculation.numVerifications > 0 && {
      speculative: {
        accept_length: acceptLength(speculation),
        accept_rate: acceptRate(speculation),
      },
    }),
    ...(has("disagg") && { disaggregation: { mode: "null" as const } }),
    ...(has("queues") && {
      queues: {
        waiting: state.numWaiting,
        grammar: state.numCompiling,
        paused: state.numPaused,
        retracted: state.numPreempted,
      },
    }),
  };
}

function core(state: SchedulerState): FullLoad {
  const { numRunning, numWaiting, numUsedTokens, maxTotalTokens, maxRunningRequests } = state;
  const hitRate = cacheHitRate(state), numTotalTokens = numUsedTokens + state.numWaitingTokens;
  return {
    timestamp: Date.now() / 1000,
    dp_rank: 0,
    num_running_reqs: numRunning,
    num_waiting_reqs: numWaiting,
    num_total_reqs: numRunning + numWaiting,
    num_waiting_uncached_tokens: Math.round(state.numWaitingTokens * (1 - hitRate)),
    num_used_tokens: numUsedTokens,
    num_total_tokens: numTotalTokens,
    num_active_tokens: numTotalTokens,
    max_total_num_tokens: maxTotalTokens,
    max_running_requests: maxRunningRequests,
    token_usage: rounded(tokenUsage(state)),
    gen_throughput: rounded(genThroughput(state)),
    cache_hit_rate: rounded(hitRate),
    utilization: rounded(utilization(state)),
    total_prefill_uncached_tokens: state.promptTokens - state.cachedTokens,
  };
}

function describeMemory({ weight, kvcache, tokenCapacity }: MemoryUsage): z.infer<typeof memory> {
  return { weight_gb: weight, kv_cache_gb: kvcache, graph_gb: 0, token_capacity: tokenCapacity };
}

function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

/** SGLang's names: a section's fields carry the section's name. */
function toPrometheus({ dp_rank: rank, ...load }: FullLoad): string {
  const prefixes: Readonly<Record<string, string>> = { speculative: "spec", disaggregation: "disagg" };
  const samples = Object.entries<unknown>(load).flatMap(([name, value]): [string, unknown][] =>
    typeof value === "object" && value !== null
      ? Object.entries(value).map(([field, value]) => [`${prefixes[name] ?? name}_${field}`, value])
      : [[name, value]]
  );
  return samples.filter(([, value]) => typeof value === "number").map(([name, value]) =>
    `# TYPE sglang_${name} gauge\nsglang_${name}{dp_rank="${rank}"} ${value}\n`
  ).join("");
}
