/**
 * Steps of tokenizer.json as plain data, and the reading of their settings. A setting of the wrong type, or of a value
 * that nothing here computes, is refused by name.
 *
 * @module
 */
import type { LoadError } from "../../contracts/errors.ts";

/** A normalizer, pre-tokenizer, post-processor or decoder of tokenizer.json. */
export interface TokenizerStep {
  /** Name of the step. */
  readonly type: string;
  /** Its settings. */
  readonly [option: string]: unknown;
}

/** Makes the error that ends the start, from what is wrong. */
export type Refuse = (reason: string) => LoadError;

/** The settings of one step. */
export class StepReader {
  readonly type: string;
  readonly #step: TokenizerStep;
  readonly #kind: string;
  readonly #refuse: Refuse;

  /** Reads `step`; `kind` is the field of tokenizer.json that it is found in. */
  constructor(step: TokenizerStep, kind: string, refuse: Refuse) {
    this.type = step.type;
    this.#step = step;
    this.#kind = kind;
    this.#refuse = refuse;
  }

  /** The error for this step, with what is wrong with it. */
  refuse(reason: string): LoadError {
    return this.#refuse(`${this.#kind} ${this.type} ${reason}`);
  }

  /** The error for a step whose type is unknown. */
  unknown(): LoadError {
    return this.#refuse(`${this.#kind} ${JSON.stringify(this.type)} is not supported`);
  }

  /** A text; the fallback where the step does not say. */
  string(name: string, fallback?: string): string {
    return this.#read(name, isString, fallback);
  }

  /** A truth value; the fallback where the step does not say. */
  boolean(name: string, fallback?: boolean): boolean {
    return this.#read(name, isBoolean, fallback);
  }

  /** A whole number that is not negative; the fallback where the step does not say. */
  count(name: string, fallback?: number): number {
    const value = this.#read(name, isNumber, fallback);
    if (!Number.isInteger(value) || value < 0) throw this.refuse(`has ${name} ${value}, expected a count`);
    return value;
  }

  /** One character, which may take two UTF-16 units. */
  character(name: string): string {
    const value = this.string(name);
    if ([...value].length !== 1) {
      throw this.refuse(`has ${name} ${JSON.stringify(value)}, expected one character`);
    }
    return value;
  }

  /** One of several words; the fallback where the step does not say. */
  word<Word extends string>(name: string, words: readonly Word[], fallback?: Word): Word {
    const value = this.string(name, fallback);
    const word = words.find((known) => known === value);
    if (word === undefined) {
      throw this.refuse(`has ${name} ${JSON.stringify(value)}, expected one of ${words.join(", ")}`);
    }
    return word;
  }

  /** The steps of a sequence. */
  steps(name: string): readonly TokenizerStep[] {
    const value = this.#step[name];
    if (!Array.isArray(value)) throw this.refuse(`has no list ${name}`);
    return value;
  }

  /** What to look for: a text as it is, or a regular expression. */
  pattern(): { readonly kind: "text" | "regex"; readonly source: string } {
    const value = this.#step["pattern"];
    const { String: text, Regex: regex } = (value ?? {}) as {
      readonly String?: unknown;
      readonly Regex?: unknown;
    };
    if (typeof text === "string") return { kind: "text", source: text };
    if (typeof regex === "string") return { kind: "regex", source: regex };
    throw this.refuse(`has pattern ${JSON.stringify(value)}, expected a String or a Regex`);
  }

  /** A setting as it is. */
  get(name: string): unknown {
    return this.#step[name];
  }

  /** A setting as it is; undefined where it is null, too. */
  optional(name: string): unknown {
    return this.#step[name] ?? undefined;
  }

  #read<Value>(name: string, is: (value: unknown) => value is Value, fallback: Value | undefined): Value {
    const value = this.#step[name] ?? fallback;
    if (!is(value)) {
      throw this.refuse(
        `has ${name} ${JSON.stringify(value) ?? "unset"}, expected a ${is.name.slice(2).toLowerCase()}`,
      );
    }
    return value;
  }
}

const isString = (value: unknown) => typeof value === "string";
const isBoolean = (value: unknown) => typeof value === "boolean";
const isNumber = (value: unknown) => typeof value === "number";
