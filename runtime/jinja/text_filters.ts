/**
 * Filters of texts.
 *
 * @module
 */
import type { Bound } from "./arguments.ts";
import { makeDict } from "./compare.ts";
import { JinjaError, typeError } from "./errors.ts";
import { escapeHtml } from "./escape.ts";
import { type Filter, filter, textFilter } from "./filter.ts";
import { isIterable, itemsOf, lengthOf, listOf, unpack } from "./iterate.ts";
import { capitalize } from "./letter_case.ts";
import { formatPercent } from "./percent_format.ts";
import { checkLength, codePointLength, codePoints, SPACE, trim } from "./python_text.ts";
import { center } from "./str_methods.ts";
import { replace, splitFromEnd, splitLines } from "./text_parts.ts";
import { stringOf } from "./to_text.ts";
import { Dict, isList, Markup, textOf, Tuple, typeNameOf, Undefined, type Value } from "./values.ts";

const WORD_BEGINNINGS = new RegExp(`([-({\\[<]|${SPACE})+`, "gu");

/** The filters by name. */
export const textFilters: readonly (readonly [string, Filter])[] = [
  textFilter("upper", [], (text) => text.toUpperCase()),
  textFilter("lower", [], (text) => text.toLowerCase()),
  textFilter("capitalize", [], capitalize),
  textFilter("string", [], (text) => text),
  textFilter("trim", ["chars"], (text, args) => trim(text, args.textOrNone("chars"))),
  textFilter("center", ["width"], (text, args) => center(text, args.int("width", 80), " ")),
  filter("indent", ["width", "first", "blank"], (value, args) => {
    if (value instanceof Undefined) throw value.error();
    const text = textOf(value);
    if (text === undefined) throw notText(value);
    return value instanceof Markup ? new Markup(indent(text, args)) : indent(text, args);
  }),
  filter("title", [], (value) => title(stringOf(value))),
  filter("replace", ["old", "new", "count"], (value, args) => {
    const limit = (args.get("count") ?? null) === null ? -1 : args.int("count");
    return replace(stringOf(value), stringOf(args.need("old")), stringOf(args.need("new")), limit);
  }),
  filter("truncate", ["length", "killwords", "end", "leeway"], truncate),
  filter("wordcount", [], (value) => BigInt(stringOf(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)),
  ["format", (value, { positional, named }) => {
    if (positional.length > 0 && named.size > 0) {
      throw new JinjaError(
        "FilterArgumentError",
        "can't handle positional and keyword arguments at the same time",
      );
    }
    return formatPercent(stringOf(value), named.size > 0 ? makeDict(named) : new Tuple(positional));
  }],
  filter("safe", [], (value) => value instanceof Markup ? value : new Markup(stringOf(value))),
  filter("escape", [], (value) => value instanceof Markup ? value : new Markup(escapeHtml(stringOf(value)))),
  filter("e", [], (value) => value instanceof Markup ? value : new Markup(escapeHtml(stringOf(value)))),
  filter("forceescape", [], (value) => new Markup(escapeHtml(stringOf(value)))),
  filter("urlencode", [], urlEncode),
];

function notText(value: Value): JinjaError {
  if (isList(value)) return new JinjaError("AttributeError", "'list' object has no attribute 'splitlines'");
  return typeError(`unsupported operand type(s) for +=: '${typeNameOf(value)}' and 'str'`);
}

function title(text: string): string {
  let result = "", at = 0;
  const part = (piece: string) => {
    const [first = ""] = [...piece.slice(0, 2)];
    return first.toUpperCase() + piece.slice(first.length).toLowerCase();
  };
  for (const match of text.matchAll(WORD_BEGINNINGS)) {
    result += part(text.slice(at, match.index)) + part(match[0]);
    at = match.index + match[0].length;
  }
  return result + part(text.slice(at));
}

function indent(text: string, args: Bound): string {
  const given = args.get("width") ?? 4n;
  const width = textOf(given);
  if (width === undefined) checkLength(args.int("width", 4));
  const indention = width ?? " ".repeat(Math.max(0, args.int("width", 4)));
  const isBlank = args.flag("blank");
  const lines = splitLines(`${text}\n`);
  checkLength(text.length + lines.length * indention.length);
  const [first = "", ...rest] = lines;
  const indented = rest.map((line) => isBlank || line !== "" ? indention + line : line);
  return (args.flag("first") ? indention : "") + [first, ...indented].join("\n");
}

function truncate(value: Value, args: Bound): Value {
  const length = args.int("length", 255), end = args.text("end", "..."), endLength = codePointLength(end);
  const leeway = (args.get("leeway") ?? null) === null ? 5 : args.int("leeway");
  if (length < endLength) {
    throw new JinjaError("ValueError", `expected length >= ${endLength}, got ${length}`);
  }
  if (leeway < 0) throw new JinjaError("ValueError", `expected leeway >= 0, got ${leeway}`);
  if (lengthOf(value) <= length + leeway) return value;
  const text = textOf(value);
  if (text === undefined) {
    throw new JinjaError("AttributeError", `'${typeNameOf(value)}' object has no attribute 'rsplit'`);
  }
  const kept = [...codePoints(text).slice(0, length - endLength)].join("");
  return (args.flag("killwords") ? kept : splitFromEnd(kept, " ", 1)[0]!) + end;
}

function urlEncode(value: Value): Value {
  if (textOf(value) !== undefined || !isIterable(value)) return quoteUrl(stringOf(value), "/");
  const pairs = value instanceof Dict ? itemsOf(value) : listOf(value);
  return pairs.map((pair) => unpack(pair, 2).map(quoteQuery).join("=")).join("&");
}

function quoteQuery(value: Value): string {
  return quoteUrl(stringOf(value), "").replaceAll("%20", "+");
}

function quoteUrl(text: string, safe: string): string {
  const quoted = encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return safe === "" ? quoted : quoted.replaceAll("%2F", "/");
}
