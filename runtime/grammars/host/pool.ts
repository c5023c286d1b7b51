/**
 * The grammars of a server and the sequences that obey them: which host compiles what, which has whose matcher, and what
 * becomes of those whose host is lost. A grammar compiles where no sequence would wait for that.
 *
 * @module
 */
import type { OutputConstraint } from "../../contracts/constraint.ts";
import type { DraftTree } from "../../contracts/draft_tree.ts";
import { type AerieError, InvalidRequestError, UnavailableError } from "../../contracts/errors.ts";
import type { MatcherStats, MatchRequest } from "../../messages/matcher.ts";
import { HostLostError } from "../../processes/host_child.ts";
import { HostRefusal, HostTooLargeError } from "./host.ts";
import { type CachedGrammar, GrammarCache } from "./grammar_cache.ts";
import { PooledSequence } from "./sequence.ts";
import { type Slot, type SlotOptions, Slots } from "./slots.ts";
import { matchStep, type StepMasks } from "./step.ts";

/** Hosts that load at the same time. */
const MAX_LOADING = 2;
/** Time for which a host goes on with grammars that wait, if there is no other host for them. */
const BATCH_MS = 500;
/** Hosts that a sequence, or the compile of a grammar, may lose. */
const MAX_LOST = 1;

/** How a pool is set up. */
export interface GrammarPoolOptions extends SlotOptions {
  /** Longest time for the compile of a grammar. */
  readonly timeoutMs: number;
}

/** Grammars, sequences and hosts. */
export class GrammarPool implements AsyncDisposable {
  readonly #options: GrammarPoolOptions;
  readonly #slots: Slots;
  readonly #grammars = new GrammarCache();
  /** By request. */
  readonly #sequences = new Map<string, PooledSequence>();
  /** Sequences without a host. */
  readonly #displaced = new Set<PooledSequence>();
  #numOpened = 0;
  #numCompiles = 0;
  #compileMs = 0;

  constructor(options: GrammarPoolOptions) {
    this.#options = options;
    this.#slots = new Slots(options, {
      onReady: () => this.#advance(),
      onLost: (slot) => this.#onLost(slot),
      onFailed: ({ message }) => this.#failAll(message, [...this.#displaced]),
    });
  }

  /**
   * Gets a sequence ready; false if it was forgotten before.
   *
   * @throws {InvalidRequestError} naming the constraint's field if its grammar cannot be used
   * @throws {UnavailableError} if there is no host, or it was lost twice
   */
  async open(requestId: string, constraint: OutputConstraint): Promise<boolean> {
    const grammar = constraint.grammar && this.#grammars.retain(constraint.grammar);
    const sequence = new PooledSequence(this.#numOpened++, constraint, grammar);
    this.#sequences.set(requestId, sequence);
    this.#displaced.add(sequence);
    this.#advance();
    await sequence.placed;
    if (this.#sequences.get(requestId) !== sequence) return false;
    if (sequence.error === undefined) return true;
    this.forget(requestId);
    throw sequence.error;
  }

  /** Forgets a sequence, whether or not it is ready; nothing happens for one that is unknown. */
  forget(requestId: string): void {
    const sequence = this.#sequences.get(requestId);
    if (sequence === undefined) return;
    this.#sequences.delete(requestId);
    this.#displaced.delete(sequence);
    const { slot, grammar } = sequence;
    if (slot !== undefined) {
      slot.host.post({ type: "close", sequence: sequence.number });
      if (--slot.numSequences === 0) this.#slots.rest(slot);
    }
    if (grammar !== undefined) this.#grammars.release(grammar);
    sequence.fail(new UnavailableError("Cannot follow the grammar: its request has ended"));
    this.#advance();
  }

  /** What there is now, and was done so far. */
  get stats(): MatcherStats {
    return {
      numHosts: this.#slots.all.length,
      numGrammars: this.#grammars.size,
      numCompiles: this.#numCompiles,
      compileMs: this.#compileMs,
    };
  }

  /** Matches a step: `onRefined` gets the trees, the masks follow. */
  match(requests: readonly MatchRequest[], onRefined: (trees: DraftTree[]) => void): Promise<StepMasks> {
    return matchStep(requests, {
      sequenceOf: (requestId) => this.#sequences.get(requestId),
      lose: (slot) => this.#slots.lose(slot),
      onRefined,
    });
  }

  /** Ends the hosts; what waits fails. Once and for all. */
  async stop(): Promise<void> {
    // Those with a host, too: a step that waits for it would ask for another.
    this.#failAll("the engine is stopping", [...this.#sequences.values()]);
    await this.#slots.stop();
  }

  /** The same as {@linkcode GrammarPool.stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Gives hosts to the sequences whose grammar is compiled, and work to hosts. */
  #advance(): void {
    // What a host was to run out of sequences for may have left.
    if (this.#grammars.numWaiting === 0) this.#slots.all.forEach((slot) => slot.isDraining = false);
    for (const sequence of this.#displaced) {
      const slot = this.#slotFor(sequence);
      if (slot !== undefined) this.#place(sequence, slot);
    }
    while (this.#grammars.numWaiting > 0) {
      const slot = this.#slots.all.find(({ canCompile }) => canCompile);
      if (slot === undefined) break;
      void this.#compile(slot, this.#grammars.next()!);
    }
    const needsHost = [...this.#displaced].some(({ grammar }) => grammar === undefined);
    const numWanted = Math.min(this.#grammars.numWaiting + Number(needsHost), MAX_LOADING);
    while (this.#canStart && this.#slots.numLoading < numWanted) {
      if (!this.#slots.start()) break;
    }
    if (this.#grammars.numWaiting > 0 && !this.#canStart) this.#drain();
  }

  get #canStart(): boolean {
    return this.#slots.canStart(this.#grammars.hasUrgent);
  }

  /** Lets a host run out of sequences, so that it can compile, if none can before. */
  #drain(): void {
    const slots = this.#slots.all;
    if (slots.some((slot) => slot.isDraining || slot.isLoading || slot.isCompiling)) return;
    const [fewest] = slots.toSorted((one, other) => one.numSequences - other.numSequences);
    if (fewest !== undefined) fewest.isDraining = true;
  }

  #slotFor({ grammar, numLost }: PooledSequence): Slot | undefined {
    const slots = grammar === undefined ? this.#slots.all : grammar.slot === undefined ? [] : [grammar.slot];
    // A step may wait for one that has lost its host: without that step no host runs out of sequences.
    return slots.find(({ isFree, isDraining }) => isFree && (!isDraining || numLost > 0));
  }

  #place(sequence: PooledSequence, slot: Slot): void {
    const { number, grammar, constraint: { thinking } } = sequence;
    this.#displaced.delete(sequence);
    this.#slots.keep(slot);
    slot.numSequences++;
    slot.host.post({ type: "open", sequence: number, grammar: grammar?.number, thinking });
    sequence.place(slot);
  }

  /** Compiles a grammar, and for a while others that could wait for long, before their sequences come. */
  async #compile(slot: Slot, first: CachedGrammar): Promise<void> {
    slot.isCompiling = true;
    this.#slots.keep(slot);
    const end = performance.now() + BATCH_MS;
    for (let grammar: CachedGrammar | undefined = first; grammar !== undefined;) {
      await this.#compileOne(slot, grammar);
      const { numLoading, all } = this.#slots, { hasUrgent } = this.#grammars;
      const isOnly = !this.#canStart && numLoading === 0 && !all.some(({ canCompile }) => canCompile);
      const goesOn = !slot.isLost && (hasUrgent || (isOnly && performance.now() < end));
      grammar = goesOn ? this.#grammars.next() : undefined;
    }
    slot.isCompiling = slot.isDraining = false;
    this.#advance();
    if (slot.isFree && slot.numSequences === 0) this.#slots.rest(slot);
  }

  async #compileOne(slot: Slot, grammar: CachedGrammar): Promise<void> {
    const { number, source } = grammar, { timeoutMs } = this.#options, start = performance.now();
    try {
      await slot.host.compile({ grammar: number, source, timeoutMs });
      this.#slots.onCompiled(slot, false);
      this.#grammars.onCompiled(grammar, slot);
    } catch (error) {
      this.#onNotCompiled(slot, grammar, error);
    } finally {
      this.#numCompiles++;
      this.#compileMs += performance.now() - start;
    }
  }

  #onNotCompiled(slot: Slot, grammar: CachedGrammar, error: unknown): void {
    if (error instanceof HostRefusal) {
      this.#slots.onCompiled(slot, true);
      return this.#failGrammar(grammar, error.message);
    }
    if (!(error instanceof HostLostError)) throw error;
    this.#slots.lose(slot);
    if (error.status?.signal === "SIGKILL" && grammar.numLost++ < MAX_LOST) {
      return this.#grammars.retry(grammar);
    }
    const reason = error instanceof HostTooLargeError
      ? "compiling its grammar takes more memory than a grammar may"
      : error.status === undefined
      ? `its grammar took longer than ${this.#options.timeoutMs / 1000} s to compile (--grammar-timeout)`
      : `compiling its grammar ended its process (${
        error.status.signal ?? error.status.code
      }), which happens if it takes too much memory`;
    this.#options.log("warning", `A request was refused: ${reason}`);
    this.#failGrammar(grammar, reason);
  }

  #failGrammar(grammar: CachedGrammar, reason: string): void {
    this.#grammars.drop(grammar);
    for (const sequence of [...this.#displaced].filter((other) => other.grammar === grammar)) {
      const { param } = sequence.constraint;
      this.#fail(sequence, new InvalidRequestError(`Cannot use ${param}: ${reason}`, param));
    }
  }

  #failAll(reason: string, sequences: readonly PooledSequence[]): void {
    for (const sequence of sequences) {
      this.#fail(sequence, new UnavailableError(`Cannot follow the grammar: ${reason}`));
    }
  }

  #fail(sequence: PooledSequence, error: AerieError): void {
    this.#displaced.delete(sequence);
    sequence.fail(error);
  }

  /** Finds other hosts for the sequences of one that is gone. */
  #onLost(slot: Slot): void {
    this.#grammars.onLost(slot);
    for (const sequence of this.#sequences.values()) {
      if (sequence.slot !== slot) continue;
      sequence.displace();
      if (sequence.numLost > MAX_LOST) {
        sequence.fail(new UnavailableError("Cannot follow the grammar: its host was lost twice"));
      } else this.#displaced.add(sequence);
    }
    this.#advance();
  }
}
