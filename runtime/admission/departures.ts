/**
 * Departure rate of requests, and from it the `Retry-After` of a refused one.
 *
 * @module
 */
import { MIN_RETRY_MS } from "../contracts/errors.ts";
import { numOutputTokens, type Sequence } from "../sequences/sequence.ts";
import type { WaitingQueue } from "./waiting_queue.ts";

/** Busy time over which speed is averaged, milliseconds: long enough to smooth over single long steps. */
const WINDOW_MS = 10_000;
/** Weight of the newest request that ended. */
const END_WEIGHT = 1 / 16;
/** Longest `Retry-After`, milliseconds. */
const MAX_RETRY_MS = 600_000;
/** Clients whose promises are remembered. */
const MAX_CLIENTS = 4096;

/** Departure statistics: token speed, output length of requests, and the times promised to refused clients. */
export interface Departures {
  /** Decaying sums over recent steps: busy time, steps, sequences in them and tokens they got. */
  readonly recent: { ms: number; numSteps: number; numSequences: number; numTokens: number };
  /** Average output of requests that ended by themselves, tokens; undefined before the first. */
  outputTokens: number | undefined;
  /** Requests that left, whatever the reason, since the start. */
  numEnded: number;
  /** By client: the `numEnded` at which there is room for all of its requests that were refused. */
  readonly promised: Map<string, number>;
}

/** The part of the scheduler's state that departures read. */
interface Queues {
  readonly departures: Departures;
  readonly waiting: WaitingQueue;
  readonly running: readonly Sequence[];
}

/** Initial state, before any request left. */
export function createDepartures(): Departures {
  const recent = { ms: 0, numSteps: 0, numSequences: 0, numTokens: 0 };
  return { recent, outputTokens: undefined, numEnded: 0, promised: new Map() };
}

/** Learns from a step, with prompts or without. */
export function observeStepEnd(
  { recent }: Departures,
  step: { readonly ms: number; readonly numSequences: number; readonly numTokens: number },
): void {
  const kept = Math.exp(-step.ms / WINDOW_MS);
  recent.ms = kept * recent.ms + step.ms;
  recent.numSteps = kept * recent.numSteps + 1;
  recent.numSequences = kept * recent.numSequences + step.numSequences;
  recent.numTokens = kept * recent.numTokens + step.numTokens;
}

/** Learns that a request left; `isWhole` if it ended by itself. */
export function observeDeparture(departures: Departures, sequence: Sequence, isWhole: boolean): void {
  departures.numEnded++;
  if (!isWhole) return;
  const length = numOutputTokens(sequence), mean = departures.outputTokens ?? length;
  departures.outputTokens = mean + END_WEIGHT * (length - mean);
}

/**
 * Expected time until there is room for a refused request, milliseconds: until `numEnds` requests have left beyond those
 * that make room for the client's requests refused before. So refused requests that come again at their time do not
 * compete for one place.
 */
export function promiseRoom(queues: Queues, client: string, numEnds: number): number {
  const { numEnded, promised } = queues.departures;
  const target = Math.max(promised.get(client) ?? 0, numEnded) + numEnds;
  const ms = Math.ceil(Math.max(MIN_RETRY_MS, msUntilEnded(queues, target - numEnded)));
  if (ms >= MAX_RETRY_MS) return MAX_RETRY_MS;
  promised.delete(client);
  promised.set(client, target);
  if (promised.size > MAX_CLIENTS) promised.delete(promised.keys().next().value!);
  return ms;
}

/** Expected time until `count` requests have left. */
function msUntilEnded({ departures, running, waiting }: Queues, count: number): number {
  const { recent, outputTokens = Infinity } = departures;
  const lengths = running.map((sequence) => lengthLeft(sequence, outputTokens)).sort((a, b) => a - b);
  if (lengths.length === 0 || recent.numTokens === 0) return 0;
  const next = waiting.size === 0
    ? lengths.at(-1)!
    : Math.min(waiting.numTokensToCome / waiting.size, outputTokens);
  const all = lengths.reduce((sum, length) => sum + length, 0);
  // After the running sequences have ended, waiting ones leave from their places one after another.
  const numTokens = count <= lengths.length
    ? lengths[count - 1]!
    : (all + (count - lengths.length) * next) / lengths.length;
  const numSteps = numTokens * recent.numSequences / recent.numTokens;
  return numSteps * recent.ms / recent.numSteps;
}

/** Expected tokens that a running sequence still generates; for one beyond the usual length, the usual length again. */
function lengthLeft(sequence: Sequence, usual: number): number {
  const length = numOutputTokens(sequence);
  return Math.min(sequence.maxTokens - length, length < usual ? usual - length : usual);
}
