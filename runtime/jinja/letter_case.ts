/**
 * Upper, lower and title case of texts, and what Python asks of their characters.
 *
 * @module
 */
import { SPACE } from "./python_text.ts";

/** Letters that stand for two and have a third form for titles. */
const DIGRAPHS = /[\u01c4-\u01cc\u01f1-\u01f3]/;
/** Small letters without a title form of their own. */
const GEORGIAN = /[\u10d0-\u10ff]/;
const CASED = /\p{Cased}/u;
/** What has a digit's value without being a decimal digit. */
const OTHER_DIGITS =
  "\u00b2\u00b3\u00b9\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490" +
  "\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}" +
  "\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}";

const IS: ReadonlyMap<string, RegExp> = new Map([
  ["isalpha", /^\p{L}+$/u],
  ["isalnum", /^[\p{L}\p{N}]+$/u],
  ["isdecimal", /^\p{Nd}+$/u],
  ["isdigit", new RegExp(`^[\\p{Nd}${OTHER_DIGITS}]+$`, "u")],
  ["isspace", new RegExp(`^${SPACE}+$`, "u")],
  ["islower", /^(?!.*[\p{Uppercase}\p{Lt}]).*\p{Lowercase}/su],
  ["isupper", /^(?!.*[\p{Lowercase}\p{Lt}]).*\p{Uppercase}/su],
  // deno-lint-ignore no-control-regex -- all of ASCII
  ["isascii", /^[\x00-\x7f]*$/],
  ["isprintable", /^(?:[^\p{C}\p{Z}]| )*$/u],
]);

/** Names of the questions that {@linkcode hasKind} answers, save `istitle`. */
export const kindNames: readonly string[] = [...IS.keys()];

/** The answer of `text.isalpha()` and the like. */
export function hasKind(text: string, name: string): boolean {
  return IS.get(name)!.test(text);
}

/** `text.istitle()`. */
export function isTitle(text: string): boolean {
  let afterCased = false, hasCased = false;
  for (const char of text) {
    const isUpper = /[\p{Uppercase}\p{Lt}]/u.test(char), isLower = /\p{Lowercase}/u.test(char);
    if (isUpper && afterCased || isLower && !afterCased) return false;
    afterCased = isUpper || isLower;
    hasCased ||= afterCased;
  }
  return hasCased;
}

/** `text.title()`. */
export function toTitle(text: string): string {
  let title = "", word = "";
  const end = () => {
    title += capitalize(word);
    word = "";
  };
  for (const char of text) {
    if (CASED.test(char)) word += char;
    else {
      end();
      title += char;
    }
  }
  end();
  return title;
}

/** `text.capitalize()`. */
export function capitalize(text: string): string {
  const first = [...text.slice(0, 2)][0] ?? "";
  return titleOf(first) + text.slice(first.length).toLowerCase();
}

function titleOf(char: string): string {
  if (GEORGIAN.test(char)) return char;
  if (DIGRAPHS.test(char)) {
    const code = char.charCodeAt(0);
    return String.fromCharCode(code >= 0x1f1 ? 0x1f2 : 0x1c5 + 3 * Math.floor((code - 0x1c4) / 3));
  }
  const [first = "", ...rest] = char.toUpperCase();
  return first + rest.join("").toLowerCase();
}

/** `text.swapcase()`. */
export function swapCase(text: string): string {
  return text.replaceAll(
    /\p{Uppercase}+|\p{Lowercase}+/gu,
    (part) => /^\p{Uppercase}/u.test(part) ? part.toLowerCase() : part.toUpperCase(),
  );
}
