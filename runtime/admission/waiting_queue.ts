/**
 * Waiting queue: sequences to be admitted, and which is next. Clients take turns, so that one with many requests does not keep
 * the others waiting.
 *
 * @module
 */
import { numOutputTokens, type Sequence } from "../sequences/sequence.ts";

/**
 * Waiting sequences. Each operation takes constant time, however many wait; `delete` of a preempted one aside, and `add` of
 * one that others have overtaken.
 */
export class WaitingQueue implements Iterable<Sequence> {
  /** Few: they were all running a moment ago. */
  readonly #preempted: Sequence[] = [];
  /** Each client's requests, first come, first served; the client whose turn it is stands first. */
  readonly #lines = new Map<string, Set<Sequence>>();
  /** When the newest request came that a line has had. */
  readonly #newest = new WeakMap<Set<Sequence>, number>();
  #size = 0;
  #numTokens = 0;
  #numTokensToCome = 0;

  /** Sequences that wait. */
  get size(): number {
    return this.#size;
  }

  /** Tokens to compute for those that wait. */
  get numTokens(): number {
    return this.#numTokens;
  }

  /** Tokens that those that wait may still generate. */
  get numTokensToCome(): number {
    return this.#numTokensToCome;
  }

  /** Waiting sequences that ran before and were preempted. */
  get numPreempted(): number {
    return this.#preempted.length;
  }

  /** Clients with requests that were never admitted. */
  get numClients(): number {
    return this.#lines.size;
  }

  /** Requests of a client that were never admitted. */
  numOf(client: string): number {
    return this.#lines.get(client)?.size ?? 0;
  }

  /** The next to be admitted: the sequence preempted last, else the first of the client whose turn it is. */
  get first(): Sequence | undefined {
    const [preempted] = this.#preempted;
    if (preempted !== undefined) return preempted;
    const [line] = this.#lines.values();
    return line?.values().next().value;
  }

  /** Whether sequences that ran wait; they come first, whatever the policy. */
  get hasPreempted(): boolean {
    return this.#preempted.length > 0;
  }

  /** Sequences never admitted, client by client in the order of turns, each client's as they came. */
  lines(): Iterable<Iterable<Sequence>> {
    return this.#lines.values();
  }

  /** Whether a sequence waits. */
  has(sequence: Sequence): boolean {
    return this.#lines.get(sequence.client)?.has(sequence) || this.#preempted.includes(sequence);
  }

  /**
   * Adds a request to those of its client, in the order in which they came: one whose constraint took long to compile
   * stands before those that came after it. A new client's turn comes after all others'.
   */
  add(sequence: Sequence): void {
    const { client, submittedAt } = sequence, line = this.#lines.get(client) ?? new Set();
    const newest = this.#newest.get(line) ?? -Infinity;
    const later = submittedAt < newest ? [...line].filter((other) => other.submittedAt > submittedAt) : [];
    for (const other of later) line.delete(other);
    line.add(sequence);
    for (const other of later) line.add(other);
    this.#newest.set(line, Math.max(newest, submittedAt));
    this.#lines.set(client, line);
    this.#count(sequence, 1);
  }

  /** Adds a sequence that ran, in front of all. */
  addPreempted(sequence: Sequence): void {
    this.#preempted.unshift(sequence);
    this.#count(sequence, 1);
  }

  /**
   * Removes a sequence that is admitted. If it was the first of its client's, or in turn because those before it may not be
   * admitted yet, that client's turn comes after all others'.
   */
  take(sequence: Sequence, isInTurn = false): void {
    const { client } = sequence, line = this.#lines.get(client);
    const [firstOfLine] = line ?? [];
    this.delete(sequence);
    if (line === undefined || line.size === 0 || !(isInTurn || firstOfLine === sequence)) return;
    this.#lines.delete(client);
    this.#lines.set(client, line);
  }

  /** Removes a sequence, wherever it stands; false if it does not wait. */
  delete(sequence: Sequence): boolean {
    const line = this.#lines.get(sequence.client);
    if (line?.delete(sequence)) {
      if (line.size === 0) this.#lines.delete(sequence.client);
    } else {
      const position = this.#preempted.indexOf(sequence);
      if (position < 0) return false;
      this.#preempted.splice(position, 1);
    }
    this.#count(sequence, -1);
    return true;
  }

  /** All that wait, in no order that matters. */
  *[Symbol.iterator](): Iterator<Sequence> {
    yield* this.#preempted;
    for (const line of this.#lines.values()) yield* line;
  }

  #count(sequence: Sequence, sign: 1 | -1): void {
    this.#size += sign;
    this.#numTokens += sign * sequence.tokens.length;
    this.#numTokensToCome += sign * (sequence.maxTokens - numOutputTokens(sequence));
  }
}
