/**
 * `value.name` and `value[key]` as jinja2's sandbox looks them up: attributes before items, or items before attributes,
 * nothing that changes a value, nothing with a leading underscore.
 *
 * @module
 */
import { getEntry } from "./compare.ts";
import { containerMethod } from "./container_methods.ts";
import { JinjaError, typeError } from "./errors.ts";
import { codePoints } from "./python_text.ts";
import { formatBraces } from "./str_format.ts";
import { strMethods } from "./str_methods.ts";
import { reprOf } from "./to_text.ts";
import {
  AttributeObject,
  Callable,
  type CallArguments,
  Dict,
  GroupTuple,
  isList,
  Markup,
  orElse,
  Range,
  textOf,
  Tuple,
  typeNameOf,
  Undefined,
  type Value,
} from "./values.ts";

/** Methods of str that are not here. */
const UNSUPPORTED_TEXT_METHODS = [
  ...[
    "encode",
    "translate",
    "maketrans",
    "format_map",
    "isidentifier",
    "isnumeric",
    "casefold",
    "expandtabs",
  ],
];

/** Methods of Python's types that are not here; templates that call one are refused. */
export const UNSUPPORTED_METHODS: ReadonlySet<string> = new Set([
  ...UNSUPPORTED_TEXT_METHODS,
  ...["bit_length", "bit_count", "to_bytes", "from_bytes", "as_integer_ratio", "conjugate", "hex", "fromhex"],
  ...["isdisjoint", "fromkeys"],
]);

const CHANGES_LIST: ReadonlySet<string> = new Set([
  ...["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"],
]);
const CHANGES_DICT: ReadonlySet<string> = new Set(["clear", "pop", "popitem", "setdefault", "update"]);

/** `value.name`. */
export function getAttribute(value: Value, name: string): Value {
  const attribute = attributeOf(value, name);
  return attribute !== undefined ? attribute : orElse(itemOf(value, name), missing(value, name));
}

/** `value[key]`. */
export function getItem(value: Value, key: Value): Value {
  if (value instanceof Undefined) throw value.error();
  const item = itemOf(value, key);
  if (item !== undefined) return item;
  const name = textOf(key);
  return orElse(name === undefined ? undefined : attributeOf(value, name), missing(value, key));
}

/** The attribute alone, for the filter `attr`. */
export function getOnlyAttribute(value: Value, name: string): Value {
  return orElse(attributeOf(value, name), missing(value, name));
}

function missing(value: Value, key: Value): Undefined {
  const name = textOf(key);
  const owner = value === null ? "None" : `${typeNameOf(value)} object`;
  return new Undefined(
    name === undefined
      ? `${owner} has no element ${reprOf(key)}`
      : `'${owner}' has no attribute ${reprOf(name)}`,
  );
}

function attributeOf(value: Value, name: string): Value | undefined {
  if (value instanceof Undefined) {
    if (/^__.*__$/.test(name)) return undefined;
    throw value.error();
  }
  if (value instanceof AttributeObject || value instanceof Callable) {
    return name.startsWith("_") ? undefined : value.attribute(name);
  }
  if (/^__.*__$/.test(name)) return unsafe(value, name);
  const text = textOf(value);
  if (text !== undefined) return strMethodOf(value, text, name);
  if (isList(value) && CHANGES_LIST.has(name)) return unsafe(value, name);
  if (value instanceof Dict && CHANGES_DICT.has(name)) return unsafe(value, name);
  if (value instanceof GroupTuple) {
    if (name === "grouper") return value.items[0];
    if (name === "list") return value.items[1];
  }
  if (value instanceof Range && ["start", "stop", "step"].includes(name)) {
    return value[name as "start" | "stop" | "step"];
  }
  if (typeof value === "number" && name === "is_integer") {
    return new Callable(name, () => Number.isInteger(value));
  }
  return containerMethod(value, name);
}

function strMethodOf(value: Value, text: string, name: string): Value | undefined {
  const run = name === "format" ? format : strMethods.get(name);
  if (run === undefined) {
    // It is there, and may be asked for.
    return UNSUPPORTED_TEXT_METHODS.includes(name)
      ? new Callable(name, () => failUnsupported(name))
      : undefined;
  }
  return new Callable(name, (args) => {
    const result = run(text, args, name);
    if (!(value instanceof Markup)) return result;
    return typeof result === "string" ? new Markup(result) : mapTexts(result);
  });
}

function format(text: string, args: CallArguments): string {
  return formatBraces(text, args, { attribute: getAttribute, item: getItem });
}

function failUnsupported(name: string): never {
  throw new JinjaError("UnsupportedError", `the method '${name}'`);
}

/** Parts of marked texts are marked. */
function mapTexts(result: Value): Value {
  const mark = (items: readonly Value[]) =>
    items.map((item) => typeof item === "string" ? new Markup(item) : item);
  if (isList(result)) return mark(result);
  return result instanceof Tuple ? new Tuple(mark(result.items)) : result;
}

function unsafe(value: Value, name: string): Undefined {
  return new Undefined(
    `access to attribute '${name}' of '${typeNameOf(value)}' object is unsafe.`,
    "SecurityError",
  );
}

/** The item of a key or index; undefined if there is none, or the value has no items. */
function itemOf(value: Value, key: Value): Value | undefined {
  if (value instanceof Dict) {
    try {
      return getEntry(value, key);
    } catch (error) {
      // jinja2 takes what cannot be a key to be missing.
      if (error instanceof JinjaError && error.kind === "TypeError") return undefined;
      throw error;
    }
  }
  const index = typeof key === "boolean" ? BigInt(key) : key;
  if (typeof index !== "bigint") return undefined;
  const text = textOf(value);
  if (text !== undefined) {
    const char = at(codePoints(text), index);
    return char !== undefined && value instanceof Markup ? new Markup(char) : char;
  }
  if (isList(value)) return at(value, index);
  if (value instanceof Tuple) return at(value.items, index);
  if (value instanceof Range) {
    const place = index < 0n ? index + value.length : index;
    return place >= 0n && place < value.length ? value.at(place) : undefined;
  }
  return undefined;
}

function at<Item>(items: { readonly length: number; at(index: number): Item | undefined }, index: bigint) {
  return items.at(Number(index));
}

/**
 * `value[start:stop:step]`.
 *
 * @throws {JinjaError} TypeError or ValueError
 */
export function getSlice(value: Value, start: Value, stop: Value, step: Value): Value {
  if (value instanceof Undefined) throw value.error();
  const text = textOf(value);
  if (text !== undefined) {
    const chars = codePoints(text);
    const picked = indices(chars.length, start, stop, step).map((i) => chars[i]).join("");
    return value instanceof Markup ? new Markup(picked) : picked;
  }
  if (isList(value)) return indices(value.length, start, stop, step).map((i) => value[i]!);
  if (value instanceof Tuple) {
    return new Tuple(indices(value.items.length, start, stop, step).map((i) => value.items[i]!));
  }
  if (value instanceof Range) {
    const [from, to, by] = bounds(Number(value.length), start, stop, step);
    return new Range(value.at(BigInt(from)), value.at(BigInt(to)), value.step * BigInt(by));
  }
  throw typeError(`'${typeNameOf(value)}' object is not subscriptable`);
}

function indices(length: number, ...[start, stop, step]: [Value, Value, Value]): number[] {
  const [from, to, by] = bounds(length, start, stop, step);
  const count = Math.max(0, Math.ceil((to - from) / by));
  return Array.from({ length: count }, (_, i) => from + i * by);
}

/** Python's `slice.indices`. */
function bounds(
  length: number,
  start: Value,
  stop: Value,
  step: Value,
): [from: number, to: number, by: number] {
  const by = indexOf(step) ?? 1;
  if (by === 0) throw new JinjaError("ValueError", "slice step cannot be zero");
  const [low, high] = by > 0 ? [0, length] : [-1, length - 1];
  const clamp = (index: number | undefined, otherwise: number) =>
    index === undefined ? otherwise : Math.min(high, Math.max(low, index < 0 ? index + length : index));
  return [clamp(indexOf(start), by > 0 ? low : high), clamp(indexOf(stop), by > 0 ? high : low), by];
}

function indexOf(value: Value): number | undefined {
  if (value === null) return undefined;
  if (typeof value === "bigint" || typeof value === "boolean") return Number(value);
  throw typeError("slice indices must be integers or None or have an __index__ method");
}
