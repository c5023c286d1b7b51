/**
 * The filter `tojson` as transformers has it: Python's `json.dumps` without escapes for HTML.
 *
 * @module
 */
import { sortBy } from "./compare.ts";
import { JinjaError, typeError } from "./errors.ts";
import { checkLength, reprFloat } from "./python_text.ts";
import { Dict, isList, textOf, Tuple, typeNameOf, type Value } from "./values.ts";

/** Options of `json.dumps`. */
export interface JsonOptions {
  /** Write what is not ASCII as escapes. */
  readonly ensureAscii: boolean;
  /** What each level is indented by; undefined writes one line. */
  readonly indent: string | undefined;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\b": "\\b",
};

/**
 * A value as JSON.
 *
 * @throws {JinjaError} TypeError if JSON has no such value
 */
export function jsonOf(value: Value, options: JsonOptions, level = 0): string {
  const text = textOf(value);
  if (text !== undefined) return quote(text, options);
  const scalar = scalarText(value);
  if (scalar !== undefined) return scalar;
  if (isList(value) || value instanceof Tuple) {
    const items = isList(value) ? value : value.items;
    return wrap("[", "]", items.map((item) => jsonOf(item, options, level + 1)), options, level);
  }
  if (value instanceof Dict) return jsonDict(value, options, level);
  throw typeError(`Object of type ${typeNameOf(value)} is not JSON serializable`);
}

function jsonDict(dict: Dict, options: JsonOptions, level: number): string {
  let entries: readonly (readonly [Value, Value])[] = [...dict.entries.values()];
  if (options.sortKeys) {
    const byKey = new Map(entries);
    entries = sortBy([...byKey.keys()], (key) => key, false).map((key) => [key, byKey.get(key)!]);
  }
  const parts = entries.map(([key, value]) =>
    quote(keyText(key), options) + options.keySeparator + jsonOf(value, options, level + 1)
  );
  return wrap("{", "}", parts, options, level);
}

function wrap(
  open: string,
  close: string,
  parts: readonly string[],
  options: JsonOptions,
  level: number,
): string {
  if (parts.length === 0) return open + close;
  const { indent, itemSeparator } = options;
  const inner = indent === undefined ? "" : `\n${indent.repeat(level + 1)}`;
  const outer = indent === undefined ? "" : `\n${indent.repeat(level)}`;
  const length = parts.reduce((sum, part) => sum + part.length + itemSeparator.length + inner.length, 0);
  checkLength(length);
  return open + inner + parts.join(itemSeparator + inner) + outer + close;
}

function keyText(key: Value): string {
  const text = textOf(key) ?? scalarText(key);
  if (text !== undefined) return text;
  throw typeError(`keys must be str, int, float, bool or None, not ${typeNameOf(key)}`);
}

/** A number, a truth value or none as JSON; undefined for other values. */
function scalarText(value: Value): string | undefined {
  switch (typeof value) {
    case "bigint":
    case "boolean":
      return String(value);
    case "number":
      return jsonFloat(value);
  }
  return value === null ? "null" : undefined;
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  return reprFloat(value);
}

function quote(text: string, { ensureAscii }: JsonOptions): string {
  // deno-lint-ignore no-control-regex -- JSON escapes them
  const pattern = ensureAscii ? /["\\]|[^\x20-\x7e]/g : /["\\\x00-\x1f]/g;
  return `"${text.replaceAll(pattern, escapeChar)}"`;
}

function escapeChar(char: string): string {
  return ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/**
 * The options of a call of the filter.
 *
 * @throws {JinjaError} TypeError or ValueError
 */
export function jsonOptions(
  ensureAscii: boolean,
  indent: Value,
  separators: Value,
  sortKeys: boolean,
): JsonOptions {
  const pair = isList(separators) ? separators : separators instanceof Tuple ? separators.items : undefined;
  const [itemSeparator, keySeparator] = (pair ?? []).map(textOf);
  if (
    separators !== null && (pair?.length !== 2 || itemSeparator === undefined || keySeparator === undefined)
  ) {
    throw new JinjaError("ValueError", "separators must be a pair of texts");
  }
  return {
    ensureAscii,
    indent: indentText(indent),
    itemSeparator: itemSeparator ?? (indent === null ? ", " : ","),
    keySeparator: keySeparator ?? ": ",
    sortKeys,
  };
}

function indentText(indent: Value): string | undefined {
  if (indent === null) return undefined;
  if (typeof indent === "boolean") return " ".repeat(Number(indent));
  if (typeof indent === "bigint") {
    checkLength(Number(indent));
    return " ".repeat(Math.max(0, Number(indent)));
  }
  const text = textOf(indent);
  if (text === undefined) {
    throw typeError(`can't multiply sequence by non-int of type '${typeNameOf(indent)}'`);
  }
  return text;
}
