/**
 * `"{} and {name}".format(...)`, as jinja2's sandbox does it.
 *
 * @module
 */
import { JinjaError } from "./errors.ts";
import { formatValue } from "./format_spec.ts";
import { reprOf, stringOf } from "./to_text.ts";
import type { CallArguments, Value } from "./values.ts";

const FIELD = /^([^.[!:]*)((?:\.[^.[!:]+|\[[^\]]+\])*)(?:!([rsa]))?(?::(.*))?$/s;

/** How attributes and items of arguments are found. */
export interface LookUp {
  attribute(value: Value, name: string): Value;
  item(value: Value, key: Value): Value;
}

/** The arguments, and where automatic numbering stands. */
interface Source {
  readonly args: CallArguments;
  readonly lookUp: LookUp;
  next: number;
}

/**
 * A format with the arguments in it.
 *
 * @throws {JinjaError} ValueError, IndexError, KeyError, or what formatting a value throws
 */
export function formatBraces(format: string, args: CallArguments, lookUp: LookUp): string {
  return formatWith(format, { args, lookUp, next: 0 }, 2);
}

function formatWith(format: string, source: Source, depth: number): string {
  if (depth < 0) throw new JinjaError("ValueError", "Max string recursion exceeded");
  let text = "";
  for (let at = 0; at < format.length;) {
    const char = format[at]!;
    if (char !== "{" && char !== "}") {
      text += char;
      at++;
    } else if (format[at + 1] === char) {
      text += char;
      at += 2;
    } else {
      if (char === "}") throw new JinjaError("ValueError", "Single '}' encountered in format string");
      const end = endOfField(format, at + 1);
      text += formatField(format.slice(at + 1, end), source, depth);
      at = end + 1;
    }
  }
  return text;
}

function endOfField(format: string, start: number): number {
  let open = 1;
  for (let at = start; at < format.length; at++) {
    if (format[at] === "{") open++;
    if (format[at] === "}" && --open === 0) return at;
  }
  throw new JinjaError("ValueError", "expected '}' before end of string");
}

function formatField(field: string, source: Source, depth: number): string {
  const match = FIELD.exec(field);
  if (match === null) throw new JinjaError("ValueError", `Invalid format field '${field}'`);
  const [, name = "", path = "", conversion, spec = ""] = match;
  let value = argument(name, source);
  for (const [step] of path.matchAll(/\.[^.[]+|\[[^\]]+\]/g)) {
    if (step.startsWith(".")) value = source.lookUp.attribute(value, step.slice(1));
    else {
      const index = step.slice(1, -1);
      value = source.lookUp.item(value, /^\d+$/.test(index) ? BigInt(index) : index);
    }
  }
  if (conversion !== undefined) value = conversion === "s" ? stringOf(value) : reprOf(value);
  return formatValue(value, formatWith(spec, source, depth - 1));
}

function argument(name: string, source: Source): Value {
  const { positional, named } = source.args;
  if (name !== "" && !/^\d+$/.test(name)) {
    const value = named.get(name);
    if (value === undefined) throw new JinjaError("KeyError", reprOf(name));
    return value;
  }
  const value = positional[name === "" ? source.next++ : Number(name)];
  if (value === undefined) {
    throw new JinjaError("IndexError", "Replacement index out of range for positional args tuple");
  }
  return value;
}
