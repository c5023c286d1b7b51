/**
 * What a running server says of itself in one answer.
 *
 * @module
 */
import type { SchedulerState } from "./scheduler_state.ts";

/** Memory that is taken or reserved, gigabytes. */
export interface MemoryUsage {
  /** Packed weights of the target. */
  readonly weight: number;
  /** Keys and values of the target. */
  readonly kvcache: number;
  /** Packed weights of the draft model or head. */
  readonly draftWeight: number;
  /** Keys and values of the draft model or head. */
  readonly draftKvcache: number;
  /** Hidden states that a draft head reads. */
  readonly hiddenStates: number;
  /** Scratch tensors of a forward. */
  readonly activations: number;
  /** What the process has touched so far, of all it does. */
  readonly resident: number;
  /** Tokens that the KV pool holds; a count. */
  readonly tokenCapacity: number;
}

/** Counters and sizes at one moment, and the record that shows them all. */
export interface ServerInfo {
  /** Scheduler counters. */
  readonly state: SchedulerState;
  /** Memory by use. */
  readonly memory: MemoryUsage;
  /**
   * The record of `/get_server_info`: all arguments with the values in effect, flat, under their flags' names in
   * snake_case, then counters. The API key is left out.
   */
  readonly record: Readonly<Record<string, unknown>>;
}
