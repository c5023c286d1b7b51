/**
 * The flags of `serve.ts`: how each is written, read and explained. Names, aliases and defaults are SGLang's where it
 * has the flag.
 *
 * @module
 */
import { z } from "zod";
import { deviceFlags, deviceSchema } from "./device_flags.ts";
import {
  flag,
  type FlagOf,
  fraction,
  integer,
  oneOf,
  rootPath,
  someOf,
  text,
  texts,
  tokenCount,
} from "./flag_values.ts";
import { grammarFlags, grammarSchema } from "./grammar_flags.ts";
import { parserFlags, parserSchema } from "./parser_flags.ts";
import { configurationFlags, configurationSchema, loggingFlags, loggingSchema } from "./logging_flags.ts";
import { modelFlags, modelSchema } from "./model_flags.ts";
import { schedulingFlags, schedulingSchema } from "./scheduling_flags.ts";
import { speculationFlags, speculationSchema } from "./speculation_flags.ts";

const UINT32_MAX = 2 ** 32 - 1;

/** Reads what commander gathered, one text or boolean per flag, into values. */
export const flagSchema = z.object({
  ...modelSchema,

  host: text.default("127.0.0.1"),
  port: integer(0, 65535).default(30000),
  rootPath: rootPath.exactOptional(),
  ui: z.boolean().default(true),
  apiKey: text.exactOptional(),
  apiKeyFile: text.exactOptional(),
  allowedHosts: texts.exactOptional(),
  corsOrigins: texts.exactOptional(),
  maxConnections: integer(1).exactOptional(),
  timeoutHeaders: integer(1, 86400).default(10),
  timeoutBody: integer(1, 86400).default(60),
  timeoutKeepAlive: integer(1, 86400).default(75),
  drainTimeout: integer(0, 86400).default(30),
  enableCacheReport: flag,
  streamInterval: integer(1).default(1),
  tokenizeTimeout: integer(1, 3600).default(5),
  skipServerWarmup: flag,
  warmups: someOf("chat", "completions", "generate").exactOptional(),

  ...schedulingSchema,
  maxRunningRequests: integer(1, 4096).exactOptional(),
  maxQueuedRequests: integer(0).default(1024),
  maxQueuedPerClient: integer(-1).exactOptional(),
  maxQueuedTokens: integer(0).exactOptional(),
  maxTotalTokens: tokenCount.exactOptional(),
  memFractionStatic: fraction.exactOptional(),
  pageSize: integer(16, 4096)
    .refine(
      (size) => Number.isInteger(Math.log2(size)),
      "expected a power of two from 16 to 4096: kernels work on pages of a multiple of 16",
    )
    .default(16),
  kvCacheDtype: oneOf("auto", "bf16", "bfloat16", "float16", "float32")
    .transform((name) => name === "bf16" ? "bfloat16" : name).default("auto"),
  chunkedPrefillSize: integer(-1).refine(
    (size) => size !== 0,
    "expected a whole number of at least 1, or -1 for off",
  )
    .exactOptional(),
  maxStepMs: integer(-1).default(100),
  disableRadixCache: flag,
  allowAutoTruncate: flag,
  randomSeed: integer(0, UINT32_MAX).exactOptional(),

  ...speculationSchema,

  ...grammarSchema,

  ...parserSchema,

  ...deviceSchema,

  ...loggingSchema,

  ...configurationSchema,
});

/** Name of a flag in code. */
export type FlagName = keyof z.output<typeof flagSchema>;

/** Notation and help of a flag. */
export type Flag = FlagOf<FlagName>;

/** Every flag once, in groups, as `--help` and docs/flags.md show them. */
export const flagGroups: Readonly<Record<string, readonly Flag[]>> = {
  "Model": modelFlags,
  "HTTP": [
    { name: "host", flags: "--host <address>", help: "Address to listen on" },
    { name: "port", flags: "--port <number>", help: "Port to listen on; 0 takes a free one" },
    {
      name: "rootPath",
      flags: "--fastapi-root-path, --root-path <path>",
      help: "Path below which a proxy shows the server; answered with it and without",
    },
    { name: "ui", flags: "--ui", help: "Serve the pages: the playground at / and /ui, and /docs" },
    { name: "ui", flags: "--no-ui", help: "Serve no pages" },
    {
      name: "apiKey",
      flags: "--api-key <key>",
      help:
        "Bearer token asked for on every path but /health, /v1/health, /ready, /ping, /metrics, pages and /openapi.json",
    },
    {
      name: "apiKeyFile",
      flags: "--api-key-file <path>",
      help: "File with that token, which then does not show in ps; nor does one in AERIE_API_KEY",
    },
    {
      name: "allowedHosts",
      flags: "--allowed-hosts <names>",
      help: "Names besides local ones that requests may be for, with commas between. Default: any, but " +
        "on a loopback address none",
    },
    {
      name: "corsOrigins",
      flags: "--cors-origins <origins>",
      help: "Web pages besides local ones that may call, with commas between; * for all",
    },
    {
      name: "maxConnections",
      flags: "--max-connections <count>",
      help: "Connections at once; more are closed. Default: the limit of open files less 100, at most 4096",
    },
    {
      name: "timeoutHeaders",
      flags: "--timeout-headers <seconds>",
      help: "Time for the whole head of a request",
    },
    {
      name: "timeoutBody",
      flags: "--timeout-body <seconds>",
      help: "Silence in a body, or of the reader of an answer, after which a request is ended",
    },
    {
      name: "timeoutKeepAlive",
      flags: "--timeout-keep-alive <seconds>",
      help: "Time a connection may wait for its next request",
    },
    {
      name: "drainTimeout",
      flags: "--drain-timeout <seconds>",
      help: "Time that requests have to end after SIGTERM or SIGINT; those that take longer are answered 503",
    },
    {
      name: "enableCacheReport",
      flags: "--enable-cache-report",
      help: "Report prompt_tokens_details.cached_tokens in OpenAI usage",
    },
    {
      name: "streamInterval",
      flags: "--stream-interval <tokens>",
      help: "Tokens gathered per chunk of a stream, at least; those of 16 ms share one",
    },
    {
      name: "tokenizeTimeout",
      flags: "--tokenize-timeout <seconds>",
      help: "Longest time for one text or chat to become tokens; beyond it the request is answered 400",
    },
    {
      name: "skipServerWarmup",
      flags: "--skip-server-warmup",
      help: "Do not send a first request before reporting ready",
    },
    {
      name: "warmups",
      flags: "--warmups <names>",
      help: "First requests to send besides, with commas between: chat, completions, generate",
    },
  ],
  "Scheduling and memory": [
    ...schedulingFlags,
    {
      name: "maxRunningRequests",
      flags: "--max-running-requests <count>",
      help: "Sequences in one batch at most. Default: by device, 32 on a CPU",
    },
    {
      name: "maxQueuedRequests",
      flags: "--max-queued-requests <count>",
      help: "Requests that may wait beyond those; more are answered 429",
    },
    {
      name: "maxQueuedPerClient",
      flags: "--max-queued-per-client <count>",
      help:
        "Requests of one client address that may wait; -1 for no limit, as behind a router. Default: half of those",
    },
    {
      name: "maxQueuedTokens",
      flags: "--max-queued-tokens <tokens>",
      help: "Prompt tokens that may wait; requests beyond are answered 429. Default: no limit",
    },
    {
      name: "maxTotalTokens",
      flags: "--max-total-tokens <tokens>",
      help: "Tokens the KV pool holds. Default: by free memory",
    },
    {
      name: "memFractionStatic",
      flags: "--mem-fraction-static <fraction>",
      help: "Share of free memory for all weights, KV and hidden states together",
    },
    {
      name: "pageSize",
      flags: "--page-size <tokens>",
      help: "Tokens in a page of the KV pool: a power of two, at least 16",
    },
    { name: "kvCacheDtype", flags: "--kv-cache-dtype <type>", help: "auto, float16, bfloat16 or float32" },
    {
      name: "chunkedPrefillSize",
      flags: "--chunked-prefill-size <tokens>",
      help: "Prompt tokens in one forward at most; -1 for no limit. Default: by device, 256 on a CPU",
    },
    {
      name: "maxStepMs",
      flags: "--max-step-ms <ms>",
      help:
        "Time of a forward that reads prompts beside running sequences, or 8 without prompts if that is more; -1 for no limit",
    },
    {
      name: "disableRadixCache",
      flags: "--disable-radix-cache",
      help: "Do not reuse the KV of common prompt prefixes",
    },
    {
      name: "allowAutoTruncate",
      flags: "--allow-auto-truncate",
      help: "Cut prompts and token limits that exceed the context instead of refusing them",
    },
    {
      name: "randomSeed",
      flags: "--random-seed <seed>",
      help: "Makes the seeds of requests that bring none reproducible, in order of arrival",
    },
  ],
  "Speculative decoding": speculationFlags,
  "Structured output": grammarFlags,
  "Tools and reasoning": parserFlags,
  "Device": deviceFlags,
  "Logging and metrics": loggingFlags,
  "Configuration": configurationFlags,
};
