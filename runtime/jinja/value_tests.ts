/**
 * jinja2's tests, which stand behind `is`.
 *
 * @module
 */
import { calculate } from "./arithmetic.ts";
import { bind } from "./arguments.ts";
import { areEqual, order } from "./compare.ts";
import { contains, isIterable, lengthOrUndefined } from "./iterate.ts";
import { hasKind } from "./letter_case.ts";
import { stringOf } from "./to_text.ts";
import {
  Callable,
  type CallArguments,
  Dict,
  DictView,
  Markup,
  numberOf,
  textOf,
  Undefined,
  type Value,
} from "./values.ts";

/** A test. */
export type Test = (value: Value, args: CallArguments) => boolean;

/** The tests by name, save `filter` and `test`. */
export const valueTests: ReadonlyMap<string, Test> = new Map([
  ask("odd", (value) => areEqual(calculate("Mod", value, 2n), 1n)),
  ask("even", (value) => areEqual(calculate("Mod", value, 2n), 0n)),
  compare("divisibleby", (value, number) => areEqual(calculate("Mod", value, number), 0n)),
  ask("defined", (value) => !(value instanceof Undefined)),
  ask("undefined", (value) => value instanceof Undefined),
  ask("none", (value) => value === null),
  ask("boolean", (value) => typeof value === "boolean"),
  ask("false", (value) => value === false),
  ask("true", (value) => value === true),
  ask("integer", (value) => typeof value === "bigint"),
  ask("float", (value) => typeof value === "number"),
  ask("lower", (value) => hasKind(stringOf(value), "islower")),
  ask("upper", (value) => hasKind(stringOf(value), "isupper")),
  ask("string", (value) => textOf(value) !== undefined),
  ask("mapping", (value) => value instanceof Dict),
  ask("number", (value) => numberOf(value) !== undefined),
  ask("sequence", (value) => !(value instanceof DictView) && lengthOrUndefined(value) !== undefined),
  ask("iterable", isIterable),
  ask("callable", (value) => value instanceof Callable || value instanceof Undefined),
  ask("escaped", (value) => value instanceof Markup),
  compare("sameas", (value, other) => Object.is(value, other)),
  compare("in", (value, container) => contains(container, value)),
  ...["eq", "equalto", "=="].map((name) => compare(name, areEqual)),
  ...["ne", "!="].map((name) => compare(name, (value, other) => !areEqual(value, other))),
  ...["gt", "greaterthan", ">"].map((name) => compare(name, (value, other) => order(value, other, ">") > 0)),
  ...["ge", ">="].map((name) => compare(name, (value, other) => order(value, other, ">=") >= 0)),
  ...["lt", "lessthan", "<"].map((name) => compare(name, (value, other) => order(value, other, "<") < 0)),
  ...["le", "<="].map((name) => compare(name, (value, other) => order(value, other, "<=") <= 0)),
]);

function ask(name: string, run: (value: Value) => boolean): readonly [string, Test] {
  return [name, (value, args) => {
    bind(name, [], args);
    return run(value);
  }];
}

function compare(name: string, run: (value: Value, other: Value) => boolean): readonly [string, Test] {
  return [name, (value, args) => run(value, bind(name, ["other"], args).need("other"))];
}
