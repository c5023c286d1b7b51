/**
 * Filters of sequences and dictionaries. Some make their values when they are asked for, as generators do.
 *
 * @module
 */
import { calculate } from "./arithmetic.ts";
import { bind, type Bound, positionalArguments } from "./arguments.ts";
import { areEqual, isTrue, keyOf, order, sortBy } from "./compare.ts";
import { JinjaError, typeError } from "./errors.ts";
import { attributeGetter, type Filter, filter, type FilterContext, ignoreCase } from "./filter.ts";
import { checkItems, isIterable, itemsOf, lengthOf, listOf, values } from "./iterate.ts";
import { checkLength } from "./python_text.ts";
import { stringOf } from "./to_text.ts";
import {
  type CallArguments,
  Dict,
  DictView,
  GroupTuple,
  isList,
  Iteration,
  orElse,
  Range,
  textOf,
  Tuple,
  typeNameOf,
  Undefined,
  type Value,
} from "./values.ts";

const SORTING = ["reverse", "case_sensitive", "attribute"];
const PICKING = ["case_sensitive", "attribute"];

/** The filters by name. */
export const sequenceFilters: readonly (readonly [string, Filter])[] = [
  filter("length", [], (value) => BigInt(lengthOf(value))),
  filter("count", [], (value) => BigInt(lengthOf(value))),
  filter("list", [], listOf),
  filter("first", [], first),
  filter(
    "last",
    [],
    (value) => orElse(reversed(value)[0], new Undefined("No last item, sequence was empty.")),
  ),
  filter("reverse", [], reverse),
  filter("join", ["d", "attribute"], join),
  filter("sum", ["attribute", "start"], sum),
  filter("sort", SORTING, (value, args) => sortBy(listOf(value), sortKey(args), args.flag("reverse"))),
  filter("unique", PICKING, (value, args) => new Iteration(unique(value, pickKey(args)))),
  filter("min", PICKING, (value, args) => pick(value, pickKey(args), -1)),
  filter("max", PICKING, (value, args) => pick(value, pickKey(args), 1)),
  filter("batch", ["linecount", "fill_with"], (value, args) => new Iteration(batch(value, args))),
  filter("slice", ["slices", "fill_with"], (value, args) => new Iteration(slice(value, args))),
  filter("groupby", ["attribute", "default", "case_sensitive"], groupBy),
  filter("dictsort", ["case_sensitive", "by", "reverse"], dictSort),
  filter("items", [], (value) => new Iteration(items(value))),
  ["map", (value, args, context) => new Iteration(map(value, args, context))],
  [
    "select",
    (value, args, context) =>
      new Iteration(select(value, args, context, { keeps: true, byAttribute: false })),
  ],
  [
    "reject",
    (value, args, context) =>
      new Iteration(select(value, args, context, { keeps: false, byAttribute: false })),
  ],
  [
    "selectattr",
    (value, args, context) => new Iteration(select(value, args, context, { keeps: true, byAttribute: true })),
  ],
  [
    "rejectattr",
    (value, args, context) =>
      new Iteration(select(value, args, context, { keeps: false, byAttribute: true })),
  ],
];

function first(value: Value): Value {
  for (const item of values(value)) return item;
  return new Undefined("No first item, sequence was empty.");
}

function reversed(value: Value): Value[] {
  if (value instanceof Iteration || !isIterable(value)) {
    throw typeError(`'${typeNameOf(value)}' object is not reversible`);
  }
  return listOf(value).reverse();
}

function reverse(value: Value): Value {
  const text = textOf(value);
  if (text !== undefined) return [...text].reverse().join("");
  if (value instanceof Iteration) return listOf(value).reverse();
  if (!isIterable(value)) throw new JinjaError("FilterArgumentError", "argument must be iterable");
  const name = isList(value)
    ? "list_reverseiterator"
    : value instanceof Range
    ? "range_iterator"
    : value instanceof Dict || value instanceof DictView
    ? "dict_reversekeyiterator"
    : "reversed";
  return new Iteration(reversed(value)[Symbol.iterator](), name);
}

function join(value: Value, args: Bound): string {
  const separator = stringOf(args.get("d") ?? "");
  const get = attributeGetter(args.get("attribute") ?? null);
  let text = "", isFirst = true;
  for (const item of values(value)) {
    text += (isFirst ? "" : separator) + stringOf(get(item));
    isFirst = false;
    checkLength(text.length);
  }
  return text;
}

function sum(value: Value, args: Bound): Value {
  const get = attributeGetter(args.get("attribute") ?? null);
  let total: Value = orElse(args.get("start"), 0n);
  if (textOf(total) !== undefined) throw typeError("sum() can't sum strings [use ''.join(seq) instead]");
  for (const item of values(value)) total = calculate("Add", total, get(item));
  return total;
}

function sortKey(args: Bound): (value: Value) => Value {
  const given = args.get("attribute") ?? null;
  const paths = textOf(given)?.split(",") ?? [given];
  const getters = paths.map((path) => attributeGetter(path));
  const fold = args.flag("case_sensitive") ? (value: Value) => value : ignoreCase;
  return (value) => getters.map((get) => fold(get(value)));
}

function pickKey(args: Bound): (value: Value) => Value {
  const get = attributeGetter(args.get("attribute") ?? null);
  return args.flag("case_sensitive") ? get : (value) => ignoreCase(get(value));
}

function* unique(value: Value, key: (value: Value) => Value): Generator<Value> {
  const seen = new Set();
  for (const item of values(value)) {
    const own = keyOf(key(item));
    if (seen.has(own)) continue;
    seen.add(own);
    yield item;
  }
}

function pick(value: Value, key: (value: Value) => Value, sign: number): Value {
  let best: Value | undefined;
  for (const item of values(value)) {
    if (best === undefined || sign * order(key(item), key(best)) > 0) best = item;
  }
  return orElse(best, new Undefined("No aggregated item, sequence was empty."));
}

function* batch(value: Value, args: Bound): Generator<Value> {
  const size = args.int("linecount"), fill = args.get("fill_with") ?? null;
  let row: Value[] = [];
  for (const item of values(value)) {
    if (row.length === size) {
      yield row;
      row = [];
    }
    row.push(item);
  }
  if (row.length === 0) return;
  if (fill !== null) checkItems(size);
  yield fill === null ? row : [...row, ...Array.from({ length: Math.max(0, size - row.length) }, () => fill)];
}

function* slice(value: Value, args: Bound): Generator<Value> {
  const all = listOf(value), count = args.int("slices"), fill = args.get("fill_with") ?? null;
  if (count === 0) throw new JinjaError("ZeroDivisionError", "integer division or modulo by zero");
  const each = Math.floor(all.length / count), numLonger = all.length % count;
  for (let i = 0, start = 0; i < count; i++) {
    const end = start + each + (i < numLonger ? 1 : 0);
    const part = all.slice(start, end);
    yield fill !== null && i >= numLonger ? [...part, fill] : part;
    start = end;
  }
}

function groupBy(value: Value, args: Bound): Value {
  const get = attributeGetter(args.need("attribute"), args.get("default"));
  const key = args.flag("case_sensitive") ? get : (item: Value) => ignoreCase(get(item));
  const groups: Value[][] = [];
  for (const item of sortBy(listOf(value), key, false)) {
    const group = groups.at(-1);
    if (group !== undefined && areEqual(key(group[0]!), key(item))) group.push(item);
    else groups.push([item]);
  }
  return groups.map((group) => new GroupTuple([get(group[0]!), group]));
}

function dictSort(value: Value, args: Bound): Value {
  if (value instanceof Undefined) throw value.error();
  if (!(value instanceof Dict)) {
    throw new JinjaError("AttributeError", `'${typeNameOf(value)}' object has no attribute 'items'`);
  }
  const by = args.text("by", "key");
  if (by !== "key" && by !== "value") {
    throw new JinjaError("FilterArgumentError", 'You can only sort by either "key" or "value"');
  }
  const fold = args.flag("case_sensitive") ? (key: Value) => key : ignoreCase;
  const partOf = (item: Value) => fold((item as Tuple).items[by === "key" ? 0 : 1]!);
  return sortBy(itemsOf(value), partOf, args.flag("reverse"));
}

function* items(value: Value): Generator<Value> {
  if (value instanceof Undefined) return;
  if (!(value instanceof Dict)) throw typeError("Can only get item pairs from a mapping.");
  yield* itemsOf(value);
}

function* map(value: Value, { positional, named }: CallArguments, context: FilterContext): Generator<Value> {
  if (!isTrue(value)) return;
  if (positional.length === 0 && named.has("attribute")) {
    const args = bind("map", ["attribute", "default"], { positional: [], named });
    const get = attributeGetter(args.need("attribute"), args.get("default"));
    for (const item of values(value)) yield get(item);
    return;
  }
  const [name, ...rest] = positional;
  if (name === undefined) throw new JinjaError("FilterArgumentError", "map requires a filter argument");
  for (const item of values(value)) yield context.filter(stringOf(name), item, { positional: rest, named });
}

function* select(
  value: Value,
  { positional, named }: CallArguments,
  context: FilterContext,
  { keeps, byAttribute }: { readonly keeps: boolean; readonly byAttribute: boolean },
): Generator<Value> {
  if (!isTrue(value)) return;
  if (byAttribute && positional.length === 0) {
    throw new JinjaError("FilterArgumentError", "Missing parameter for attribute name");
  }
  const get = byAttribute ? attributeGetter(positional[0]!) : (item: Value) => item;
  const [name, ...rest] = positional.slice(byAttribute ? 1 : 0);
  const holds = (item: Value) =>
    name === undefined
      ? isTrue(item)
      : context.test(stringOf(name), item, { ...positionalArguments(...rest), named });
  for (const item of values(value)) if (holds(get(item)) === keeps) yield item;
}
