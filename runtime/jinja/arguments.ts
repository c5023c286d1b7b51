/**
 * Arguments of calls matched to parameters, as Python matches them.
 *
 * @module
 */
import { JinjaError, typeError } from "./errors.ts";
import { isTrue } from "./compare.ts";
import { type CallArguments, numberOf, orElse, textOf, typeNameOf, Undefined, type Value } from "./values.ts";

/** Matched arguments, read by the names of their parameters. */
export class Bound {
  readonly #name: string;
  readonly #values: ReadonlyMap<string, Value>;

  constructor(name: string, values: ReadonlyMap<string, Value>) {
    this.#name = name;
    this.#values = values;
  }

  /** The argument; undefined if it was not given. */
  get(parameter: string): Value | undefined {
    return this.#values.get(parameter);
  }

  /** An argument that has to be given. */
  need(parameter: string): Value {
    const value = this.get(parameter);
    if (value === undefined) {
      throw typeError(`${this.#name}() missing 1 required positional argument: '${parameter}'`);
    }
    return value;
  }

  /** An argument that is a text. */
  text(parameter: string, otherwise?: string): string {
    const value = otherwise === undefined ? this.need(parameter) : orElse(this.get(parameter), otherwise);
    const text = textOf(value);
    if (text === undefined) throw this.#wrongType(parameter, "str", value);
    return text;
  }

  /** An argument that is a text or None, or is not given. */
  textOrNone(parameter: string): string | undefined {
    const value = this.get(parameter);
    return value === undefined || value === null ? undefined : this.text(parameter);
  }

  /** An argument that is a whole number small enough to count with. */
  int(parameter: string, otherwise?: number): number {
    const value = otherwise === undefined
      ? this.need(parameter)
      : orElse(this.get(parameter), BigInt(otherwise));
    const number = numberOf(value);
    if (typeof number !== "bigint") throw this.#wrongType(parameter, "int", value);
    return Number(number);
  }

  /** The truth of an argument. */
  flag(parameter: string, otherwise = false): boolean {
    const value = this.get(parameter);
    return value === undefined ? otherwise : isTrue(value);
  }

  #wrongType(parameter: string, expected: string, value: Value): JinjaError {
    if (value instanceof Undefined) return value.error();
    return typeError(`${this.#name}() argument '${parameter}' must be ${expected}, not ${typeNameOf(value)}`);
  }
}

/**
 * Matches arguments to parameters.
 *
 * @throws {JinjaError} TypeError if there are too many, or one that is not known
 */
export function bind(
  name: string,
  parameters: readonly string[],
  { positional, named }: CallArguments,
): Bound {
  if (positional.length > parameters.length) {
    throw typeError(`${name}() takes at most ${parameters.length} arguments (${positional.length} given)`);
  }
  const values = new Map(positional.map((value, i) => [parameters[i]!, value]));
  for (const [parameter, value] of named) {
    if (!parameters.includes(parameter)) {
      throw typeError(`${name}() got an unexpected keyword argument '${parameter}'`);
    }
    if (values.has(parameter)) throw typeError(`${name}() got multiple values for argument '${parameter}'`);
    values.set(parameter, value);
  }
  return new Bound(name, values);
}

/** Arguments by position only. */
export function positionalArguments(...positional: readonly Value[]): CallArguments {
  return { positional, named: new Map() };
}
