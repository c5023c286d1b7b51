/**
 * A constrained sequence and a grammar as the pool keeps them.
 *
 * @module
 */
import type { GrammarSource, OutputConstraint } from "../../contracts/constraint.ts";
import type { AerieError } from "../../contracts/errors.ts";
import type { Slot } from "./slots.ts";

/** A grammar that sequences have or had. */
export class CachedGrammar {
  /** Its name in hosts. */
  readonly number: number;
  /** Its name in the cache. */
  readonly text: string;
  readonly source: GrammarSource;
  /** The host that has compiled it; undefined before that, and when the host is gone. */
  slot: Slot | undefined;
  /** Sequences that have it. */
  numUsers = 0;
  /** Hosts that were killed from outside while they compiled it. */
  numLost = 0;

  constructor(number: number, text: string, source: GrammarSource) {
    this.number = number;
    this.text = text;
    this.source = source;
  }
}

/** A sequence whose tokens obey a constraint. */
export class PooledSequence {
  /** Its name in hosts. */
  readonly number: number;
  readonly constraint: OutputConstraint;
  readonly grammar: CachedGrammar | undefined;
  /** The host that has its matcher; undefined before that, and when the host is gone. */
  slot: Slot | undefined;
  /** Its output tokens so far. */
  readonly tokens: number[] = [];
  /** How many of them its matcher has taken. */
  numMatched = 0;
  /** Hosts that it has lost. */
  numLost = 0;
  /** Why it cannot go on. */
  error: AerieError | undefined;
  #placed = Promise.withResolvers<void>();

  constructor(number: number, constraint: OutputConstraint, grammar: CachedGrammar | undefined) {
    this.number = number;
    this.constraint = constraint;
    this.grammar = grammar;
  }

  /** Resolves when it has a host or an error. */
  get placed(): Promise<void> {
    return this.#placed.promise;
  }

  /** It has a host. */
  place(slot: Slot): void {
    this.slot = slot;
    this.numMatched = 0;
    this.#placed.resolve();
  }

  /** It cannot go on. */
  fail(error: AerieError): void {
    this.error ??= error;
    this.#placed.resolve();
  }

  /** Its host is gone; another is to be found. */
  displace(): void {
    this.slot = undefined;
    this.numLost++;
    this.#placed = Promise.withResolvers();
  }

  /** Takes over output tokens of which `numBefore` came before; the matcher keeps what agrees with them. */
  follow(numBefore: number, tokens: Int32Array): void {
    tokens.forEach((token, i) => {
      const at = numBefore + i;
      if (this.tokens[at] === token) return;
      this.#truncate(at);
      this.tokens.push(token);
    });
    this.#truncate(numBefore + tokens.length);
  }

  #truncate(length: number): void {
    this.tokens.length = Math.min(this.tokens.length, length);
    this.numMatched = Math.min(this.numMatched, this.tokens.length);
  }
}
