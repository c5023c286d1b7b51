/**
 * The order of admission: which waiting sequence is next, by `--schedule-policy`.
 *
 * @module
 */
import type { SchedulerConfig } from "../contracts/config.ts";
import { awaitsCopy } from "./copies.ts";
import { cacheableTokens, matchPrefix, type PagePool } from "../sequences/pages.ts";
import { isPrefilling, type Sequence } from "../sequences/sequence.ts";
import type { WaitingQueue } from "./waiting_queue.ts";

/** Admissions out of turn, one after another, at most: a sequence waits for at most five times as many as in turn. */
const MAX_OUT_OF_TURN = 4;
/** Waiting sequences up to which prefixes are matched, SGLang's number: matching more would take too long. */
const MAX_MATCHED = 128;
/** Tokens, SGLang's number, that a sequence must find in the cache for it to be worth waiting for them. */
const MIN_AWAITED_TOKENS = 32;

/** State of the order between two admissions. */
export interface AdmissionOrder {
  /** The sequence that was chosen and waits for room: none overtakes it, or a long prompt would never find any. */
  chosen: Sequence | undefined;
  /** Admissions out of turn since the last in turn. */
  numOutOfTurn: number;
  /** Cached pages by waiting sequence, as they were when step number `numSteps` was planned. */
  readonly matched: { numSteps: number; readonly numPages: Map<Sequence, number> };
}

/** The part of the scheduler's state that the order reads. */
interface Queues extends PagePool {
  readonly config: SchedulerConfig;
  readonly waiting: WaitingQueue;
  readonly admissionOrder: AdmissionOrder;
  readonly running: readonly Sequence[];
  readonly numSteps: number;
}

/** Initial state, before the first admission. */
export function createAdmissionOrder(): AdmissionOrder {
  return { chosen: undefined, numOutOfTurn: 0, matched: { numSteps: -1, numPages: new Map() } };
}

/**
 * Chooses the sequence to be admitted next, and stays with the choice until it is; undefined if no sequence waits, or those
 * that do are better admitted after the next step.
 */
export function chooseNext(state: Queues): Sequence | undefined {
  const { waiting, config, admissionOrder } = state;
  const isInTurn = config.schedulePolicy === "fcfs" || config.disableRadixCache;
  if (isInTurn || waiting.hasPreempted || waiting.size > MAX_MATCHED) return firstInTurn(state);
  const { chosen } = admissionOrder;
  if (chosen !== undefined && waiting.has(chosen)) return chosen;
  return admissionOrder.chosen = longestMatch(state);
}

/** Takes a sequence, which is admitted, out of the queue. */
export function leaveQueue(state: Queues, sequence: Sequence): void {
  const { waiting, admissionOrder } = state, isInTurn = sequence === firstInTurn(state);
  if (!waiting.hasPreempted) {
    admissionOrder.numOutOfTurn = isInTurn ? 0 : admissionOrder.numOutOfTurn + 1;
  }
  if (admissionOrder.chosen === sequence) admissionOrder.chosen = undefined;
  waiting.take(sequence, isInTurn);
}

/** The first in turn of those that await no copy of themselves. */
function firstInTurn(state: Queues): Sequence | undefined {
  const { waiting } = state;
  if (waiting.hasPreempted) return waiting.first;
  for (const line of waiting.lines()) {
    for (const sequence of line) {
      if (!awaitsCopy(state, sequence)) return sequence;
    }
  }
  return undefined;
}

/**
 * The sequence with most pages in the prefix cache, of equal ones the first in turn. A sequence that shares more with a
 * prompt in prefill waits until that is in the cache (SGLang's in-batch prefix caching).
 */
function longestMatch(state: Queues): Sequence | undefined {
  const { waiting, running, admissionOrder: { numOutOfTurn } } = state, first = firstInTurn(state);
  if (first === undefined) return undefined;
  const beingRead = running.filter(isPrefilling);
  const lines = numOutOfTurn < MAX_OUT_OF_TURN ? waiting.lines() : [[first]];
  let best: { sequence: Sequence; numPages: number; place: number } | undefined;
  for (const line of lines) {
    let place = 0;
    for (const sequence of line) {
      const numPages = numMatchedPages(state, sequence), at = place++;
      const isBetter = best === undefined || numPages > best.numPages ||
        (numPages === best.numPages && at < best.place);
      const awaits = () =>
        awaitsCopy(state, sequence) || gainsByWaiting(state, sequence, numPages, beingRead);
      if (isBetter && !awaits()) {
        best = { sequence, numPages, place: at };
      }
    }
  }
  return best?.sequence;
}

/** Cached pages of a sequence; matched once per step, however many sequences are admitted. */
function numMatchedPages(state: Queues, sequence: Sequence): number {
  const { numSteps, admissionOrder: { matched } } = state;
  if (matched.numSteps !== numSteps) matched.numPages.clear();
  matched.numSteps = numSteps;
  const numPages = matched.numPages.get(sequence) ?? matchPrefix(state, sequence).pages.length;
  matched.numPages.set(sequence, numPages);
  return numPages;
}

/**
 * True if one of the prompts in prefill (`beingRead`) shares enough tokens with a sequence, beyond those in the cache,
 * for it to wait.
 */
function gainsByWaiting(
  { config: { pageSize } }: Queues,
  sequence: Sequence,
  numPages: number,
  beingRead: readonly Sequence[],
): boolean {
  // One token more than a page: a page key may include the token after the page.
  const gain = Math.max(MIN_AWAITED_TOKENS, pageSize + 1);
  const end = numPages * pageSize + gain;
  return end <= cacheableTokens(sequence) &&
    beingRead.some((other) =>
      other.cacheKey === sequence.cacheKey && numCommonTokens(sequence.tokens, other.tokens, end) === end
    );
}

/** Tokens with which both begin, counted up to `max`. */
function numCommonTokens(a: readonly number[], b: readonly number[], max: number): number {
  const end = Math.min(a.length, b.length, max);
  let count = 0;
  while (count < end && a[count] === b[count]) count++;
  return count;
}
