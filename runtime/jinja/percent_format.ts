/**
 * `"%s is %d" % (name, count)`.
 *
 * @module
 */
import { getEntry } from "./compare.ts";
import { JinjaError, typeError } from "./errors.ts";
import { formatNumber, type FormatSpec } from "./format_spec.ts";
import { codePointLength, codePoints } from "./python_text.ts";
import { reprOf, stringOf } from "./to_text.ts";
import { Dict, isList, numberOf, Range, textOf, Tuple, typeNameOf, Undefined, type Value } from "./values.ts";

const CONVERSION = /%(?:\(([^)]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?[hlL]?(.)?/gsu;

/**
 * A format with its values in it.
 *
 * @throws {JinjaError} TypeError, ValueError or KeyError
 */
export function formatPercent(format: string, values: Value): string {
  const items = values instanceof Tuple ? values.items : [values];
  let taken = 0, usesNames = false;
  const take = (): Value => {
    const item = items[taken++];
    if (item === undefined) throw typeError("not enough arguments for format string");
    return item;
  };
  const text = format.replaceAll(
    CONVERSION,
    (match, name?: string, flags = "", width?: string, precision?: string, type?: string) => {
      if (type === undefined) throw new JinjaError("ValueError", "incomplete format");
      if (type === "%") return "%";
      if (name !== undefined) usesNames = true;
      const widthOf = (given: string | undefined) => given === "*" ? Number(take()) : Number(given ?? 0);
      const spec = toSpec(flags, widthOf(width), precisionOf(match, precision, widthOf), type);
      return convert(name === undefined ? take() : lookUp(values, name), spec);
    },
  );
  const takesNames = usesNames || values instanceof Dict || values instanceof Range ||
    values instanceof Undefined || isList(values);
  if (taken < items.length && !takesNames) {
    throw typeError("not all arguments converted during string formatting");
  }
  return text;
}

function precisionOf(
  match: string,
  precision: string | undefined,
  widthOf: (given: string | undefined) => number,
): number | undefined {
  if (precision !== undefined) return widthOf(precision);
  return /\.[hlL]?.$/s.test(match) ? 0 : undefined;
}

function toSpec(flags: string, width: number, precision: number | undefined, type: string): FormatSpec {
  const isLeft = flags.includes("-") || width < 0;
  const isZero = flags.includes("0") && !isLeft && !"srac".includes(type);
  return {
    fill: isZero ? "0" : " ",
    align: isLeft ? "<" : isZero ? "=" : ">",
    sign: flags.includes("+") ? "+" : flags.includes(" ") ? " " : "-",
    isAlternative: flags.includes("#"),
    width: Math.abs(width),
    grouping: "",
    precision,
    type,
  };
}

function lookUp(values: Value, name: string): Value {
  if (!(values instanceof Dict)) throw typeError("format requires a mapping");
  const value = getEntry(values, name);
  if (value === undefined) throw new JinjaError("KeyError", reprOf(name));
  return value;
}

function convert(value: Value, spec: FormatSpec): string {
  switch (spec.type) {
    case "s":
      return padText(stringOf(value), spec);
    case "r":
    case "a":
      return padText(reprOf(value), spec);
    case "c": {
      const text = textOf(value);
      if (text !== undefined && codePointLength(text) === 1) return padText(text, spec);
      if (typeof value === "bigint") return padText(String.fromCodePoint(Number(value)), spec);
      throw typeError("%c requires int or char");
    }
    case "d":
    case "i":
    case "u":
      return formatNumber(wholeNumber(value, spec.type), { ...spec, type: "d", precision: undefined });
    case "x":
    case "X":
    case "o":
      if (typeof value !== "bigint") {
        throw typeError(`%${spec.type} format: an integer is required, not ${typeNameOf(value)}`);
      }
      return formatNumber(value, { ...spec, precision: undefined });
    case "e":
    case "E":
    case "f":
    case "F":
    case "g":
    case "G": {
      const number = numberOf(value);
      if (number === undefined) throw typeError(`must be real number, not ${typeNameOf(value)}`);
      return formatNumber(Number(number), spec);
    }
    default:
      throw new JinjaError("ValueError", `unsupported format character '${spec.type}'`);
  }
}

function wholeNumber(value: Value, type: string): bigint {
  const number = numberOf(value);
  if (number === undefined) {
    throw typeError(`%${type} format: a real number is required, not ${typeNameOf(value)}`);
  }
  return typeof number === "bigint" ? number : BigInt(Math.trunc(number));
}

function padText(text: string, { precision, width, align }: FormatSpec): string {
  const cut = precision === undefined ? text : [...codePoints(text).slice(0, precision)].join("");
  const blank = " ".repeat(Math.max(0, width - codePointLength(cut)));
  return align === "<" ? cut + blank : blank + cut;
}
