/**
 * The form in which a model writes calls of tools.
 *
 * @module
 */
import type { Reading } from "./characters.ts";
import type { CallTarget } from "./json_call.ts";

/** A form of calls: how they are read, and how they are written. */
export interface CallFormat {
  /** Texts that are tokens of their own and tell calls from text: they must be shown to be read. */
  readonly marks: readonly string[];
  /** How calls are written: what grammars enforce. */
  readonly written: WrittenCalls;
  /** Reads an answer: content and calls. */
  read(target: CallTarget): Reading;
  /** An id for a call, where the model's template does not take any. */
  newId?(): string;
}

/** How calls are written one after the other: `begin`, calls with `separator` between them, `end`. */
export interface WrittenCalls {
  /** Text that stands only where calls begin; `begin`, with a call's own beginning, starts with it. */
  readonly trigger: string;
  readonly begin: string;
  /** What comes before the arguments of a call. */
  readonly call: (name: string) => string;
  /** What comes behind the arguments of a call. */
  readonly callEnd: string;
  readonly separator: string;
  readonly end: string;
}
