/**
 * What stands behind the colon in `"{:>8.2f}".format(x)`, and what the conversions of `%` have in common with it.
 *
 * @module
 */
import { JinjaError, typeError } from "./errors.ts";
import { toExponential, toFixed, toGeneral } from "./number_text.ts";
import { checkLength, codePointLength, codePoints, reprFloat } from "./python_text.ts";
import { stringOf } from "./to_text.ts";
import { numberOf, textOf, typeNameOf, type Value } from "./values.ts";

/** How a value is written. */
export interface FormatSpec {
  readonly fill: string;
  readonly align: "<" | ">" | "^" | "=" | undefined;
  readonly sign: "+" | "-" | " ";
  readonly isAlternative: boolean;
  readonly width: number;
  readonly grouping: "," | "_" | "";
  readonly precision: number | undefined;
  /** One of Python's letters; empty: as the value's type is written. */
  readonly type: string;
}

const SPEC = /^(?:(.)?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([bcdeEfFgGnosxX%])?$/su;

/**
 * `format(value, spec)`.
 *
 * @throws {JinjaError} ValueError or TypeError
 */
export function formatValue(value: Value, text: string): string {
  if (text === "") return stringOf(value);
  const match = SPEC.exec(text);
  if (match === null) throw new JinjaError("ValueError", `Invalid format specifier '${text}'`);
  const [, fill, align, sign, alternative, zero, width, grouping, precision, type] = match;
  const spec: FormatSpec = {
    fill: fill ?? (zero === undefined ? " " : "0"),
    align: (align as FormatSpec["align"]) ?? (zero === undefined ? undefined : "="),
    sign: (sign as FormatSpec["sign"]) ?? "-",
    isAlternative: alternative !== undefined,
    width: Number(width ?? 0),
    grouping: (grouping as FormatSpec["grouping"]) ?? "",
    precision: precision === undefined ? undefined : Number(precision),
    type: type ?? "",
  };
  const number = numberOf(value);
  const isText = typeof value === "boolean" && spec.type === "";
  return number === undefined || isText ? formatText(value, spec) : formatNumber(number, spec);
}

function formatText(value: Value, spec: FormatSpec): string {
  const text = textOf(value) ?? (typeof value === "boolean" ? stringOf(value) : undefined);
  if (text === undefined) {
    throw typeError(`unsupported format string passed to ${typeNameOf(value)}.__format__`);
  }
  if (spec.type !== "" && spec.type !== "s") throw unknownCode(spec.type, "str");
  if (spec.align === "=") {
    throw new JinjaError("ValueError", "'=' alignment not allowed in string format specifier");
  }
  const cut = spec.precision === undefined ? text : [...codePoints(text).slice(0, spec.precision)].join("");
  return pad(cut, spec, "<");
}

/** A number as a spec says. */
export function formatNumber(number: bigint | number, spec: FormatSpec): string {
  const isNegative = number < 0 || Object.is(number, -0);
  const size = isNegative ? -number : number;
  let [prefix, digits] = typeof size === "bigint" && !"eEfFgG%".includes(spec.type || "d")
    ? integerDigits(size, spec)
    : ["", floatDigits(Number(size), spec)];
  if (spec.grouping !== "") digits = group(digits, spec);
  const sign = isNegative ? "-" : spec.sign === "-" ? "" : spec.sign;
  prefix = sign + prefix;
  if (spec.align !== "=") return pad(prefix + digits, spec, ">");
  checkLength(spec.width);
  return prefix + spec.fill.repeat(Math.max(0, spec.width - prefix.length - digits.length)) + digits;
}

function integerDigits(size: bigint, { type, isAlternative, precision }: FormatSpec): [string, string] {
  if (precision !== undefined) {
    throw new JinjaError("ValueError", "Precision not allowed in integer format specifier");
  }
  switch (type) {
    case "":
    case "d":
    case "n":
      return ["", String(size)];
    case "b":
      return [isAlternative ? "0b" : "", size.toString(2)];
    case "o":
      return [isAlternative ? "0o" : "", size.toString(8)];
    case "x":
      return [isAlternative ? "0x" : "", size.toString(16)];
    case "X":
      return [isAlternative ? "0X" : "", size.toString(16).toUpperCase()];
    case "c":
      return ["", String.fromCodePoint(Number(size))];
    default:
      throw unknownCode(type, "int");
  }
}

function floatDigits(size: number, { type, precision, isAlternative }: FormatSpec): string {
  switch (type) {
    case "f":
    case "F":
      return toFixed(size, precision ?? 6);
    case "e":
      return toExponential(size, precision ?? 6);
    case "E":
      return toExponential(size, precision ?? 6).toUpperCase();
    case "g":
    case "n":
      return toGeneral(size, precision ?? 6, isAlternative);
    case "G":
      return toGeneral(size, precision ?? 6, isAlternative).toUpperCase();
    case "%":
      return `${toFixed(size * 100, precision ?? 6)}%`;
    case "": {
      if (precision === undefined) return reprFloat(size);
      const text = toGeneral(size, precision, isAlternative);
      return /^\d+$/.test(text) ? `${text}.0` : text;
    }
    default:
      throw unknownCode(type, "float");
  }
}

function group(digits: string, { grouping, type }: FormatSpec): string {
  const [whole, ...rest] = digits.split(/(?=[.eE%])/) as [string, ...string[]];
  const every = "box".includes(type.toLowerCase() || "d") ? 4 : 3;
  const pattern = new RegExp(`(?<=[0-9a-fA-F])(?=([0-9a-fA-F]{${every}})+$)`, "g");
  return whole.replaceAll(pattern, grouping) + rest.join("");
}

function pad(text: string, { fill, align, width }: FormatSpec, usual: "<" | ">"): string {
  const missing = width - codePointLength(text);
  if (missing <= 0) return text;
  checkLength(missing);
  switch (align ?? usual) {
    case "<":
      return text + fill.repeat(missing);
    case "^":
      return fill.repeat(missing >> 1) + text + fill.repeat(missing - (missing >> 1));
    default:
      return fill.repeat(missing) + text;
  }
}

function unknownCode(code: string, typeName: string): JinjaError {
  return new JinjaError("ValueError", `Unknown format code '${code}' for object of type '${typeName}'`);
}
