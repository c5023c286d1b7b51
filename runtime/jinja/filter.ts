/**
 * What filters and tests are to the interpreter.
 *
 * @module
 */
import { bind, type Bound } from "./arguments.ts";
import { getItem } from "./attributes.ts";
import { typeError } from "./errors.ts";
import { stringOf } from "./to_text.ts";
import { type CallArguments, Markup, textOf, typeNameOf, Undefined, type Value } from "./values.ts";

/** Other filters and tests, for those that apply them. */
export interface FilterContext {
  /** Applies the filter of a name. */
  filter(name: string, value: Value, args: CallArguments): Value;
  /** Asks the test of a name. */
  test(name: string, value: Value, args: CallArguments): boolean;
}

/** A filter. */
export type Filter = (value: Value, args: CallArguments, context: FilterContext) => Value;

/** A named filter with named parameters. */
export function filter(
  name: string,
  parameters: readonly string[],
  run: (value: Value, args: Bound) => Value,
): readonly [string, Filter] {
  return [name, (value, args) => run(value, bind(name, parameters, args))];
}

/** A filter of a value's text, which stays marked if it was. */
export function textFilter(
  name: string,
  parameters: readonly string[],
  run: (text: string, args: Bound) => string,
): readonly [string, Filter] {
  return filter(name, parameters, (value, args) => {
    const text = run(stringOf(value), args);
    return value instanceof Markup ? new Markup(text) : text;
  });
}

/**
 * What finds the attribute of a value by a dotted path.
 *
 * @param otherwise in place of a missing attribute
 */
export function attributeGetter(path: Value, otherwise?: Value): (value: Value) => Value {
  const steps = path === null ? [] : pathOf(path);
  return (value) => {
    let item = value;
    for (const step of steps) {
      item = getItem(item, step);
      if (otherwise !== undefined && otherwise !== null && item instanceof Undefined) item = otherwise;
    }
    return item;
  };
}

function pathOf(path: Value): Value[] {
  if (typeof path === "bigint") return [path];
  const text = textOf(path);
  if (text === undefined) throw typeError(`expected the path of an attribute, got ${typeNameOf(path)}`);
  return text.split(".").map((step) => /^\d+$/.test(step) ? BigInt(step) : step);
}

/** Small letters for texts, other values as they are. */
export function ignoreCase(value: Value): Value {
  return textOf(value)?.toLowerCase() ?? value;
}
