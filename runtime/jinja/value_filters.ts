/**
 * Filters of numbers and of any value.
 *
 * @module
 */
import type { Bound } from "./arguments.ts";
import { getOnlyAttribute } from "./attributes.ts";
import { isTrue } from "./compare.ts";
import { JinjaError, typeError } from "./errors.ts";
import { type Filter, filter } from "./filter.ts";
import { jsonOf, jsonOptions } from "./json_text.ts";
import { roundFloat, roundInteger } from "./number_text.ts";
import { trim, withAsciiDigits } from "./python_text.ts";
import { reprOf } from "./to_text.ts";
import { numberOf, orElse, textOf, typeNameOf, Undefined, type Value } from "./values.ts";

/** The filters by name. */
export const valueFilters: readonly (readonly [string, Filter])[] = [
  filter("default", ["default_value", "boolean"], orDefault),
  filter("d", ["default_value", "boolean"], orDefault),
  filter("attr", ["name"], (value, args) => getOnlyAttribute(value, args.text("name"))),
  filter("abs", [], (value) => {
    const number = needNumber(value, (name) => `bad operand type for abs(): '${name}'`);
    return number < 0 || Object.is(number, -0) ? -number : number;
  }),
  filter("round", ["precision", "method"], round),
  filter("int", ["default", "base"], toInt),
  filter("float", ["default"], (value, args) => floatOf(value) ?? orElse(args.get("default"), 0)),
  filter(
    "tojson",
    ["ensure_ascii", "indent", "separators", "sort_keys"],
    (value, args) =>
      jsonOf(
        value,
        jsonOptions(
          args.flag("ensure_ascii"),
          args.get("indent") ?? null,
          args.get("separators") ?? null,
          args.flag("sort_keys"),
        ),
      ),
  ),
];

function orDefault(value: Value, args: Bound): Value {
  const isMissing = value instanceof Undefined || args.flag("boolean") && !isTrue(value);
  return isMissing ? orElse(args.get("default_value"), "") : value;
}

function needNumber(value: Value, message: (typeName: string) => string): bigint | number {
  const number = numberOf(value);
  if (number !== undefined) return number;
  throw typeError(message(typeNameOf(value)));
}

function round(value: Value, args: Bound): Value {
  const places = args.int("precision", 0), method = args.text("method", "common");
  if (!["common", "ceil", "floor"].includes(method)) {
    throw new JinjaError("FilterArgumentError", "method must be common, ceil or floor");
  }
  if (value instanceof Undefined && method !== "common") throw value.error();
  const number = needNumber(value, (name) => `type ${name} doesn't define __round__ method`);
  if (method === "common") {
    return typeof number === "bigint" ? roundInteger(number, places) : roundFloat(number, places);
  }
  const unit = 10 ** places, scaled = Number(number) * unit;
  return (method === "ceil" ? Math.ceil(scaled) : Math.floor(scaled)) / unit;
}

function toInt(value: Value, args: Bound): Value {
  const text = textOf(value);
  if (text !== undefined) {
    const whole = readInteger(text, args.int("base", 10));
    if (whole !== undefined) return whole;
  }
  const float = floatOf(value);
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return BigInt(value);
  if (float === undefined || Number.isNaN(float)) return orElse(args.get("default"), 0n);
  if (!Number.isFinite(float)) {
    if (text !== undefined) return orElse(args.get("default"), 0n);
    throw new JinjaError("OverflowError", "cannot convert float infinity to integer");
  }
  return BigInt(Math.trunc(float));
}

const PREFIXES: ReadonlyMap<number, string> = new Map([[2, "0b"], [8, "0o"], [16, "0x"]]);

/** `int(text, base)`; undefined if the text is no such number. */
function readInteger(given: string, base: number): bigint | undefined {
  if (base !== 0 && base !== 10 && !PREFIXES.has(base)) {
    throw new JinjaError("UnsupportedError", `the filter 'int' with base ${base}`);
  }
  const match = /^([-+]?)(0[box])?_?([\da-z]+(?:_[\da-z]+)*)$/i.exec(withAsciiDigits(trim(given)));
  if (match === null) return undefined;
  const [, sign, prefix, digits] = match;
  const own = prefix?.toLowerCase();
  // "0b1" is a hexadecimal number too.
  const isDigits = own === "0b" && base === 16;
  const used = base === 0 ? own ?? "" : PREFIXES.get(base) ?? "";
  if (own !== undefined && own !== used && !isDigits) return undefined;
  const body = ((isDigits ? prefix : "") + digits!).replaceAll("_", "");
  const allowed = { "0b": /^[01]+$/, "0o": /^[0-7]+$/, "0x": /^[\da-f]+$/i, "": /^\d+$/ }[used]!;
  if (!allowed.test(body) || base === 0 && used === "" && /^0+[1-9]/.test(body)) return undefined;
  const size = BigInt(used + body);
  return sign === "-" ? -size : size;
}

/** `float(value)`; undefined if it cannot be one. */
function floatOf(value: Value): number | undefined {
  if (value instanceof Undefined) throw value.error();
  const number = numberOf(value);
  if (number !== undefined) {
    const float = Number(number);
    if (typeof number === "bigint" && !Number.isFinite(float)) {
      throw new JinjaError(
        "OverflowError",
        `int too large to convert to float: ${reprOf(number).slice(0, 20)}`,
      );
    }
    return float;
  }
  const text = textOf(value);
  if (text === undefined) return undefined;
  const short = withAsciiDigits(trim(text));
  if (/^[-+]?nan$/i.test(short)) return NaN;
  const infinity = /^([-+]?)inf(?:inity)?$/i.exec(short);
  if (infinity !== null) return infinity[1] === "-" ? -Infinity : Infinity;
  const isNumber = /^[-+]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[-+]?\d+(?:_\d+)*)?$/i.test(
    short,
  );
  return isNumber ? Number(short.replaceAll("_", "")) : undefined;
}
