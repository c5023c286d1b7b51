/**
 * The grammars of a server by their text: who has them, which host has compiled them, which wait for one. Those that
 * nobody has stay, bounded in number and size.
 *
 * @module
 */
import type { GrammarSource } from "../../contracts/constraint.ts";
import type { Slot } from "./slots.ts";

/** Grammars that are kept, and the characters of all their texts, if more are in use none beside those. */
const MAX_GRAMMARS = 256;
const MAX_TEXT = 16 * 2 ** 20;

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
  /** It has lost its host: a step may wait for it, and so all sequences. */
  isUrgent = false;

  constructor(number: number, text: string, source: GrammarSource) {
    this.number = number;
    this.text = text;
    this.source = source;
  }
}

/** Grammars, compiled and to be compiled. */
export class GrammarCache {
  /** By text, the one asked for last at the end. */
  readonly #grammars = new Map<string, CachedGrammar>();
  /** To be compiled, in order. */
  #waiting: CachedGrammar[] = [];
  #numNames = 0;
  #textLength = 0;

  /** Number of grammars. */
  get size(): number {
    return this.#grammars.size;
  }

  /** Number of grammars that wait for a host. */
  get numWaiting(): number {
    return this.#waiting.length;
  }

  /** The grammar of a further sequence; a new one waits for a host. */
  retain(source: GrammarSource): CachedGrammar {
    const text = JSON.stringify(source), known = this.#grammars.get(text);
    const grammar = known ?? new CachedGrammar(this.#numNames++, text, source);
    if (known === undefined) {
      this.#waiting.push(grammar);
      this.#textLength += text.length;
    }
    this.#grammars.delete(text);
    this.#grammars.set(text, grammar);
    grammar.numUsers++;
    return grammar;
  }

  /** A sequence is gone. What is not compiled by then is not wanted any more. */
  release(grammar: CachedGrammar): void {
    grammar.numUsers--;
    if (grammar.numUsers === 0 && this.#waiting.includes(grammar)) this.drop(grammar);
    this.#evict();
  }

  /** Whether an urgent grammar waits for a host. */
  get hasUrgent(): boolean {
    return this.#waiting[0]?.isUrgent === true;
  }

  /** The next to be compiled; it waits no more. */
  next(): CachedGrammar | undefined {
    return this.#waiting.shift();
  }

  /** A grammar waits for a host again, urgent ones before all others. */
  retry(grammar: CachedGrammar): void {
    if (grammar.isUrgent) this.#waiting.unshift(grammar);
    else this.#waiting.push(grammar);
  }

  /** A host has compiled a grammar. */
  onCompiled(grammar: CachedGrammar, slot: Slot): void {
    grammar.slot = slot;
    grammar.isUrgent = false;
    this.#evict();
  }

  /** A host is gone: what is in use waits for another. */
  onLost(slot: Slot): void {
    for (const grammar of this.#grammars.values()) {
      if (grammar.slot !== slot) continue;
      grammar.slot = undefined;
      grammar.isUrgent = true;
      if (grammar.numUsers > 0) this.retry(grammar);
      else this.drop(grammar);
    }
  }

  /** Forgets a grammar. */
  drop(grammar: CachedGrammar): void {
    if (!this.#grammars.delete(grammar.text)) return;
    this.#textLength -= grammar.text.length;
    this.#waiting = this.#waiting.filter((other) => other !== grammar);
    grammar.slot?.host.post({ type: "drop", grammar: grammar.number });
    grammar.slot = undefined;
  }

  /** Forgets compiled grammars that nobody has, those asked for longest ago first, until the others fit. */
  #evict(): void {
    for (const grammar of this.#grammars.values()) {
      if (this.#grammars.size <= MAX_GRAMMARS && this.#textLength <= MAX_TEXT) return;
      if (grammar.numUsers === 0 && grammar.slot !== undefined) this.drop(grammar);
    }
  }
}
