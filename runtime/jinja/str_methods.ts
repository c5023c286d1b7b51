/**
 * Methods of Python's str.
 *
 * @module
 */
import { bind, type Bound } from "./arguments.ts";
import { JinjaError, typeError } from "./errors.ts";
import { values } from "./iterate.ts";
import { capitalize, hasKind, isTitle, kindNames, swapCase, toTitle } from "./letter_case.ts";
import { checkLength, codePointLength, trim, trimEnd, trimStart } from "./python_text.ts";
import { count, cutOut, find, replace, split, splitFromEnd, splitLines } from "./text_parts.ts";
import { type CallArguments, textOf, Tuple, typeNameOf, type Value } from "./values.ts";

type Method = (text: string, args: CallArguments, name: string) => Value;

/** The methods by name, save `format`, which looks up attributes. */
export const strMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["capitalize", plain(capitalize)],
  ["lower", plain((text) => text.toLowerCase())],
  ["upper", plain((text) => text.toUpperCase())],
  ["title", plain(toTitle)],
  ["swapcase", plain(swapCase)],
  ["istitle", plain(isTitle)],
  ...kindNames.map((name) => [name, plain((text) => hasKind(text, name))] as const),
  ["strip", method(["chars"], (text, args) => trim(text, args.textOrNone("chars")))],
  ["lstrip", method(["chars"], (text, args) => trimStart(text, args.textOrNone("chars")))],
  ["rstrip", method(["chars"], (text, args) => trimEnd(text, args.textOrNone("chars")))],
  [
    "split",
    method(
      ["sep", "maxsplit"],
      (text, args) => split(text, args.textOrNone("sep"), args.int("maxsplit", -1)),
    ),
  ],
  [
    "rsplit",
    method(
      ["sep", "maxsplit"],
      (text, args) => splitFromEnd(text, args.textOrNone("sep"), args.int("maxsplit", -1)),
    ),
  ],
  ["splitlines", method(["keepends"], (text, args) => splitLines(text, args.flag("keepends")))],
  [
    "replace",
    method(
      ["old", "new", "count"],
      (text, args) => replace(text, args.text("old"), args.text("new"), args.int("count", -1)),
    ),
  ],
  ["find", search((text, part, start, stop) => find(text, part, false, start, stop))],
  ["rfind", search((text, part, start, stop) => find(text, part, true, start, stop))],
  ["index", search((text, part, start, stop) => found(find(text, part, false, start, stop)))],
  ["rindex", search((text, part, start, stop) => found(find(text, part, true, start, stop)))],
  ["count", search(count)],
  ["startswith", affix((text, part) => text.startsWith(part))],
  ["endswith", affix((text, part) => text.endsWith(part))],
  [
    "removeprefix",
    method(["prefix"], (text, args) => {
      const prefix = args.text("prefix");
      return text.startsWith(prefix) ? text.slice(prefix.length) : text;
    }),
  ],
  [
    "removesuffix",
    method(["suffix"], (text, args) => {
      const suffix = args.text("suffix");
      return suffix !== "" && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
    }),
  ],
  ["partition", method(["sep"], (text, args) => partition(text, args.text("sep"), false))],
  ["rpartition", method(["sep"], (text, args) => partition(text, args.text("sep"), true))],
  ["join", method(["iterable"], (text, args) => join(text, args.need("iterable")))],
  ["center", method(["width", "fillchar"], (text, args) => center(text, args.int("width"), fillOf(args)))],
  [
    "ljust",
    method(["width", "fillchar"], (text, args) => text + padding(text, args.int("width"), fillOf(args))),
  ],
  [
    "rjust",
    method(["width", "fillchar"], (text, args) => padding(text, args.int("width"), fillOf(args)) + text),
  ],
  [
    "zfill",
    method(["width"], (text, args) => {
      const [sign = ""] = /^[-+]/.exec(text) ?? [];
      return sign + padding(text, args.int("width"), "0") + text.slice(sign.length);
    }),
  ],
]);

/** A method without arguments. */
function plain(run: (text: string) => Value): Method {
  return method([], run);
}

function method(parameters: readonly string[], run: (text: string, args: Bound) => Value): Method {
  return (text, args, name) => run(text, bind(name, parameters, args));
}

/** Looks for a part between two places. */
function search(run: (text: string, part: string, start?: number, stop?: number) => number): Method {
  return method(["sub", "start", "end"], (text, args) => {
    const [start, stop] = places(args);
    return BigInt(run(text, args.text("sub"), start, stop));
  });
}

/** Compares one end of a text with one text or several. */
function affix(fits: (text: string, part: string) => boolean): Method {
  return (text, args, name) => {
    const bound = bind(name, ["prefix", "start", "end"], args);
    const given = bound.need("prefix");
    const parts = given instanceof Tuple ? given.items : [given];
    const [start, stop] = places(bound);
    const [cut] = cutOut(text, start, stop);
    return parts.map((part) => {
      const known = textOf(part);
      if (known !== undefined) return known;
      throw typeError(`${name} first arg must be str or a tuple of str, not ${typeNameOf(part)}`);
    }).some((part) => fits(cut, part));
  };
}

function places(args: Bound): [start: number | undefined, stop: number | undefined] {
  const place = (name: string) => (args.get(name) ?? null) === null ? undefined : args.int(name);
  return [place("start"), place("end")];
}

function found(index: number): number {
  if (index < 0) throw new JinjaError("ValueError", "substring not found");
  return index;
}

function partition(text: string, separator: string, isLast: boolean): Tuple {
  if (separator === "") throw new JinjaError("ValueError", "empty separator");
  const at = isLast ? text.lastIndexOf(separator) : text.indexOf(separator);
  if (at < 0) return new Tuple(isLast ? ["", "", text] : [text, "", ""]);
  return new Tuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
}

function join(separator: string, items: Value): string {
  let text = "", index = 0;
  for (const item of values(items)) {
    const part = textOf(item);
    if (part === undefined) {
      throw typeError(`sequence item ${index}: expected str instance, ${typeNameOf(item)} found`);
    }
    text += (index++ > 0 ? separator : "") + part;
    checkLength(text.length);
  }
  return text;
}

function fillOf(args: Bound): string {
  const fill = args.text("fillchar", " ");
  if (codePointLength(fill) !== 1) throw typeError("The fill character must be exactly one character long");
  return fill;
}

function padding(text: string, width: number, fill: string): string {
  checkLength(width);
  return fill.repeat(Math.max(0, width - codePointLength(text)));
}

/** `text.center(width, fill)`. */
export function center(text: string, width: number, fill: string): string {
  const missing = width - codePointLength(text);
  if (missing <= 0) return text;
  checkLength(width);
  const left = (missing >> 1) + (missing & width & 1);
  return fill.repeat(left) + text + fill.repeat(missing - left);
}
