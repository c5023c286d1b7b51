/**
 * `str` and `repr` of values.
 *
 * @module
 */
import { JinjaError } from "./errors.ts";
import { checkLength, reprFloat, reprText } from "./python_text.ts";
import {
  Callable,
  Dict,
  DictView,
  isList,
  Markup,
  Namespace,
  PyObject,
  Range,
  textOf,
  Tuple,
  Undefined,
  type Value,
} from "./values.ts";

/** `str(value)`, which is what a template prints. */
export function stringOf(value: Value): string {
  return textOf(value) ?? (value instanceof Undefined ? "" : reprOf(value));
}

/** `repr(value)`. */
export function reprOf(value: Value): string {
  switch (typeof value) {
    case "string":
      return reprText(value);
    case "bigint":
      return reprInt(value);
    case "number":
      return reprFloat(value);
    case "boolean":
      return value ? "True" : "False";
  }
  if (value === null) return "None";
  if (isList(value)) return `[${reprItems(value)}]`;
  return reprObject(value);
}

/** Python refuses to write longer ones. */
function reprInt(value: bigint): string {
  const text = String(value);
  if (text.length > 4300) {
    throw new JinjaError("ValueError", "Exceeds the limit (4300 digits) for integer string conversion");
  }
  return text;
}

function reprItems(items: readonly Value[]): string {
  let text = "";
  for (const [i, item] of items.entries()) {
    text += (i > 0 ? ", " : "") + reprOf(item);
    checkLength(text.length);
  }
  return text;
}

function reprObject(value: PyObject): string {
  if (value instanceof Tuple) return `(${reprItems(value.items)}${value.items.length === 1 ? "," : ""})`;
  if (value instanceof Dict) return reprEntries(value.entries.values());
  if (value instanceof Markup) return `Markup(${reprText(value.text)})`;
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof DictView) return `${value.typeName}([${reprItems(value.items)}])`;
  if (value instanceof Range) {
    const step = value.step === 1n ? "" : `, ${value.step}`;
    return `range(${value.start}, ${value.stop}${step})`;
  }
  if (value instanceof Namespace) return `<Namespace ${reprEntries(value.attributes)}>`;
  const own = value.represent();
  if (own !== undefined) return own;
  // Python writes an address here.
  const name = value instanceof Callable ? ` ${value.name}` : "";
  return `<${value.typeName}${name}>`;
}

function reprEntries(entries: Iterable<readonly [Value, Value]>): string {
  let text = "";
  for (const [key, value] of entries) {
    text += `${text === "" ? "" : ", "}${reprOf(key)}: ${reprOf(value)}`;
    checkLength(text.length);
  }
  return `{${text}}`;
}
