/**
 * Truth, equality, order and keys of values, as in Python.
 *
 * @module
 */
import { typeError } from "./errors.ts";
import { compareText } from "./python_text.ts";
import {
  Dict,
  type DictKey,
  DictView,
  isList,
  numberOf,
  PyObject,
  Range,
  textOf,
  Tuple,
  typeNameOf,
  Undefined,
  type Value,
} from "./values.ts";

const UNDEFINED_KEY = Symbol("Undefined");
/** Keys of objects that are only equal to themselves. */
const objectKeys = new WeakMap<object, symbol>();

/** `bool(value)`. */
export function isTrue(value: Value): boolean {
  if (!(value instanceof PyObject)) {
    return isList(value) ? value.length > 0 : Boolean(value) || Number.isNaN(value);
  }
  if (value instanceof Undefined) return false;
  if (value instanceof Tuple || value instanceof DictView) return value.items.length > 0;
  if (value instanceof Dict) return value.entries.size > 0;
  if (value instanceof Range) return value.length > 0n;
  return textOf(value) !== "";
}

/** `a == b`. */
export function areEqual(a: Value, b: Value): boolean {
  if (Object.is(a, b)) return !Number.isNaN(a);
  const [x, y] = [numberOf(a), numberOf(b)];
  // deno-lint-ignore eqeqeq -- bigint and number are equal only so
  if (x !== undefined && y !== undefined) return x == y;
  const text = textOf(a);
  if (text !== undefined) return text === textOf(b);
  if (isList(a)) return isList(b) && areAllEqual(a, b);
  if (a instanceof Tuple) return b instanceof Tuple && areAllEqual(a.items, b.items);
  if (a instanceof Dict) return b instanceof Dict && haveSameEntries(a, b);
  if (a instanceof Undefined) return b instanceof Undefined;
  if (a instanceof Range && b instanceof Range) return haveSameNumbers(a, b);
  if (a instanceof DictView && b instanceof DictView) {
    return a.typeName !== "dict_values" && a.items.length === b.items.length &&
      a.items.every((item) => b.items.some((other) => areEqual(item, other)));
  }
  return false;
}

function areAllEqual(a: readonly Value[], b: readonly Value[]): boolean {
  // Python takes an object to be equal to itself in containers, even if it is not.
  return a.length === b.length && a.every((item, i) => Object.is(item, b[i]) || areEqual(item, b[i]!));
}

function haveSameEntries(a: Dict, b: Dict): boolean {
  if (a.entries.size !== b.entries.size) return false;
  for (const [key, [, value]] of a.entries) {
    const other = b.entries.get(key);
    if (other === undefined || !areEqual(value, other[1])) return false;
  }
  return true;
}

function haveSameNumbers(a: Range, b: Range): boolean {
  if (a.length !== b.length) return false;
  return a.length === 0n || a.start === b.start && (a.length === 1n || a.step === b.step);
}

/**
 * Order of two values: below zero if a is before b.
 *
 * @throws {JinjaError} TypeError if they have none, UndefinedError
 */
export function order(a: Value, b: Value, operator = "<"): number {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x >= y ? 0 : NaN;
  const [s, t] = [textOf(a), textOf(b)];
  if (s !== undefined && t !== undefined) return compareText(s, t);
  if (isList(a) && isList(b)) return orderItems(a, b, operator);
  if (a instanceof Tuple && b instanceof Tuple) return orderItems(a.items, b.items, operator);
  for (const value of [a, b]) if (value instanceof Undefined) throw value.error();
  throw typeError(
    `'${operator}' not supported between instances of '${typeNameOf(a)}' and '${typeNameOf(b)}'`,
  );
}

function orderItems(a: readonly Value[], b: readonly Value[], operator: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (!areEqual(a[i]!, b[i]!)) return order(a[i]!, b[i]!, operator);
  }
  return a.length - b.length;
}

/** `sorted(values, key=keyOf, reverse=reverse)`: stable in both directions. */
export function sortBy(values: readonly Value[], keyOf: (value: Value) => Value, reverse: boolean): Value[] {
  const keyed = values.map((value) => [keyOf(value), value] as const);
  const sign = reverse ? -1 : 1;
  return keyed.sort(([a], [b]) => sign * order(a, b) || 0).map(([, value]) => value);
}

/**
 * What a dictionary stores a key under: equal keys give the same.
 *
 * @throws {JinjaError} TypeError if the key may change
 */
export function keyOf(key: Value): DictKey {
  const text = textOf(key);
  // What is not a text is told apart by a leading NUL.
  if (text !== undefined) return text.startsWith("\0") ? `\0${text}` : text;
  const number = numberOf(key);
  if (number !== undefined) {
    if (typeof number === "number") return Number.isInteger(number) ? shortest(BigInt(number)) : number;
    return shortest(number);
  }
  if (key === null) return null;
  if (key instanceof Tuple) {
    return `\0(${key.items.map((item) => describeKey(keyOf(item))).join(",")})`;
  }
  if (key instanceof Undefined) return UNDEFINED_KEY;
  if (isList(key) || key instanceof Dict || key instanceof DictView) {
    throw typeError(`unhashable type: '${typeNameOf(key)}'`);
  }
  return symbolOf(key as PyObject);
}

function shortest(number: bigint): number | bigint {
  return BigInt.asIntN(53, number) === number ? Number(number) : number;
}

function describeKey(key: DictKey): string {
  if (typeof key === "symbol") return `symbol ${key.description}`;
  return typeof key === "string" ? JSON.stringify(key) : `${typeof key === "bigint" ? "int " : ""}${key}`;
}

let numObjects = 0;
function symbolOf(value: object): symbol {
  let symbol = objectKeys.get(value);
  if (symbol === undefined) objectKeys.set(value, symbol = Symbol(`object ${numObjects++}`));
  return symbol;
}

/** The dictionary of keys and values; later ones replace earlier ones, at their place. */
export function makeDict(entries: Iterable<readonly [Value, Value]>): Dict {
  const dict = new Dict();
  for (const [given, value] of entries) {
    const key = keyOf(given);
    dict.entries.set(key, [dict.entries.get(key)?.[0] ?? given, value]);
  }
  return dict;
}

/** The value of a key; undefined if there is none. */
export function getEntry(dict: Dict, key: Value): Value | undefined {
  return dict.entries.get(keyOf(key))?.[1];
}
