/**
 * Context that every endpoint gets from `createApp`.
 *
 * @module
 */
import type { Generator } from "../../runtime/contracts/generation.ts";
import type { ErrorReply } from "../answers/errors.ts";
import type { RequestLog } from "./request_log.ts";
import type { HttpMetrics } from "./http_metrics.ts";

/** Options of `createApp`. */
export interface AppOptions {
  /** Bearer token asked for on every path but those of probes and pages; undefined leaves the server open. */
  readonly apiKey?: string;
  /** Names besides local ones that the Host header may have; undefined takes any. Probes may use any. */
  readonly allowedHosts?: readonly string[];
  /** Origins of web pages besides local ones that may call; `*` for all. */
  readonly corsOrigins?: readonly string[];
  /** Tokens a stream gathers per chunk; the first and the last chunk do not wait. */
  readonly streamInterval: number;
  /** Report `prompt_tokens_details.cached_tokens` in OpenAI usage. */
  readonly enableCacheReport: boolean;
  /** Makes the seeds of requests that bring none reproducible, in order of arrival. */
  readonly defaultSeed?: number;
  /** Largest body in bytes; 4 MiB if left out. */
  readonly maxBodyBytes?: number;
  /** Silence in a stream after which a comment is sent, milliseconds; 15 s if left out. */
  readonly pingMs?: number;
  /** Path below which a proxy shows the server, without a slash at its end; answered with it and without. Empty: none. */
  readonly rootPath?: string;
  /** Serve the pages at `/`, `/ui` and `/docs`, which is the default. */
  readonly ui?: boolean;
  /** Name of the weights in native answers; `default` if left out. */
  readonly weightVersion?: string;
  /** Log a line for every request that ends. */
  readonly logRequests?: boolean;
  /** What such a line says, 0 to 3 as for `--log-requests-level`; 2 if left out. */
  readonly logRequestsLevel?: number;
  /** Serve `/metrics` and count for it, which is the default. */
  readonly enableMetrics?: boolean;
  /** Returns how many connections are open, for `/metrics`. */
  readonly numConnections?: () => number;
  /** Whether first requests are still under way: probes say that the server takes none. */
  readonly isWarmingUp?: () => boolean;
  /** Whether the server is shutting down: what was admitted goes on, nothing more is. */
  readonly isDraining?: () => boolean;
  /** Takes errors the server is to blame for, and lines about requests. */
  readonly log?: (level: "error" | "info", text: string) => void;
}

/** Shared by the endpoints of one app. */
export interface RouteContext {
  readonly generator: Generator;
  /** Can change while the server runs. */
  streamInterval: number;
  readonly enableCacheReport: boolean;
  readonly pingMs: number;
  readonly weightVersion: string;
  /** Undefined if requests are not logged. */
  readonly requestLog: RequestLog | undefined;
  /** Undefined if nothing is counted. */
  readonly metrics: HttpMetrics | undefined;
  /** Whether the server's own first requests are under way. */
  isWarmingUp(): boolean;
  /** Whether the server is shutting down. */
  isDraining(): boolean;
  /** A fresh 32-bit seed for a generation that brings none. */
  nextSeed(): number;
  /** Maps an error for the client, counts it, and logs what the server is to blame for. */
  report(error: unknown): ErrorReply;
}

/** Seeds for generations without one: random, or a sequence that `base` determines. */
export function seedSource(base?: number): () => number {
  if (base === undefined) return () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  // A Weyl sequence: an odd step visits all 2^32 values before one returns.
  let next = base >>> 0;
  return () => next = (next + 0x9e3779b9) >>> 0;
}
