/**
 * Python's protocols of containers: `iter`, `len`, `in`.
 *
 * @module
 */
import { areEqual, keyOf } from "./compare.ts";
import { JinjaError, typeError } from "./errors.ts";
import { codePointLength } from "./python_text.ts";
import {
  Dict,
  DictView,
  isList,
  Iteration,
  PyObject,
  Range,
  textOf,
  Tuple,
  typeNameOf,
  Undefined,
  type Value,
} from "./values.ts";

/** Most values that a template may have in one list. */
const MAX_ITEMS = 4 * 1024 * 1024;

/** Refuses a list before it is made. */
export function checkItems(count: number | bigint): void {
  if (count > MAX_ITEMS) throw new JinjaError("LimitError", `the template makes a list of ${count} values`);
}

/** Whether {@linkcode iterate} takes the value. */
export function isIterable(value: Value): boolean {
  return isList(value) || typeof value === "string" ||
    value instanceof PyObject &&
      (value instanceof Undefined || value instanceof Tuple || value instanceof Dict ||
        value instanceof DictView || value instanceof Range || value instanceof Iteration ||
        textOf(value) !== undefined);
}

/**
 * `iter(value)`.
 *
 * @throws {JinjaError} TypeError
 */
export function iterate(value: Value): Iterator<Value> {
  if (isList(value)) return value[Symbol.iterator]();
  const text = textOf(value);
  if (text !== undefined) return text[Symbol.iterator]();
  if (value instanceof Undefined) return [][Symbol.iterator]();
  if (value instanceof Tuple || value instanceof DictView) return value.items[Symbol.iterator]();
  if (value instanceof Dict) return keysOf(value)[Symbol.iterator]();
  if (value instanceof Range) return numbersOf(value);
  if (value instanceof Iteration) return value.iterator;
  throw typeError(`'${typeNameOf(value)}' object is not iterable`);
}

/** `list(value)`. */
export function listOf(value: Value): Value[] {
  if (isList(value)) return [...value];
  const items: Value[] = [];
  for (const item of values(value)) {
    items.push(item);
    if (items.length % 65536 === 0) checkItems(items.length);
  }
  return items;
}

/** The values of {@linkcode iterate}, for a loop. An iterator that is left early goes on where it was left. */
export function values(value: Value): Iterable<Value> {
  const iterator = iterate(value);
  return { [Symbol.iterator]: () => ({ next: () => iterator.next() }) };
}

/** The keys of a dictionary, as they were given. */
export function keysOf(dict: Dict): Value[] {
  return [...dict.entries.values()].map(([key]) => key);
}

/** The keys and values of a dictionary as tuples. */
export function itemsOf(dict: Dict): Tuple[] {
  return [...dict.entries.values()].map((entry) => new Tuple(entry));
}

function* numbersOf(range: Range): Generator<Value> {
  const length = range.length;
  for (let i = 0n; i < length; i++) yield range.at(i);
}

/** `len(value)`; undefined if it has none. */
export function lengthOrUndefined(value: Value): number | undefined {
  if (isList(value)) return value.length;
  const text = textOf(value);
  if (text !== undefined) return codePointLength(text);
  if (value instanceof Tuple || value instanceof DictView) return value.items.length;
  if (value instanceof Dict) return value.entries.size;
  if (value instanceof Range) return Number(value.length);
  return value instanceof Undefined ? 0 : undefined;
}

/**
 * `len(value)`.
 *
 * @throws {JinjaError} TypeError
 */
export function lengthOf(value: Value): number {
  const length = lengthOrUndefined(value);
  if (length === undefined) throw typeError(`object of type '${typeNameOf(value)}' has no len()`);
  return length;
}

/**
 * `item in container`.
 *
 * @throws {JinjaError} TypeError
 */
export function contains(container: Value, item: Value): boolean {
  const text = textOf(container);
  if (text !== undefined) {
    const part = textOf(item);
    if (part === undefined) {
      throw typeError(`'in <string>' requires string as left operand, not ${typeNameOf(item)}`);
    }
    return text.includes(part);
  }
  if (container instanceof Dict) return container.entries.has(keyOf(item));
  if (!isIterable(container)) {
    throw typeError(`argument of type '${typeNameOf(container)}' is not iterable`);
  }
  for (const member of values(container)) if (Object.is(member, item) || areEqual(member, item)) return true;
  return false;
}

/**
 * The values that a target of `count` names gets.
 *
 * @throws {JinjaError} TypeError or ValueError
 */
export function unpack(value: Value, count: number): Value[] {
  if (!isIterable(value)) throw typeError(`cannot unpack non-iterable ${typeNameOf(value)} object`);
  const items = listOf(value);
  if (items.length < count) {
    throw new JinjaError(
      "ValueError",
      `not enough values to unpack (expected ${count}, got ${items.length})`,
    );
  }
  if (items.length > count) {
    throw new JinjaError("ValueError", `too many values to unpack (expected ${count})`);
  }
  return items;
}
