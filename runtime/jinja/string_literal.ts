/**
 * Escapes in the strings of templates, which are Python's.
 *
 * @module
 */
import { JinjaError } from "./errors.ts";

const SIMPLE: ReadonlyMap<string, string> = new Map([
  ...[["\n", ""], ["\\", "\\"], ["'", "'"], ['"', '"'], ["a", "\x07"], ["b", "\b"]] as const,
  ...[["f", "\f"], ["n", "\n"], ["r", "\r"], ["t", "\t"], ["v", "\v"]] as const,
]);

/** Longest first; the last branch is any other character, which keeps its backslash. */
const ESCAPE = /\\(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8})|([0-7]{1,3})|([^]))/giu;

/**
 * The text that a literal stands for.
 *
 * @param body the literal without its quotes
 * @throws {JinjaError} TemplateSyntaxError
 */
export function readString(body: string): string {
  return body.replaceAll(
    ESCAPE,
    (match, x?: string, u?: string, long?: string, octal?: string, other?: string) => {
      if (other !== undefined) {
        if (other === "N") throw new JinjaError("UnsupportedError", "escapes by name (\\N{...})");
        if ("xuU".includes(other)) throw new JinjaError("TemplateSyntaxError", `truncated \\${other} escape`);
        return SIMPLE.get(other) ?? match;
      }
      // The letters stand in one case only; the digits in both.
      if (!/^\\[xuU0-7]/.test(match)) return match;
      const code = octal === undefined ? parseInt((x ?? u ?? long)!, 16) : parseInt(octal, 8);
      if (code > 0x10ffff) throw new JinjaError("TemplateSyntaxError", "illegal Unicode character");
      return String.fromCodePoint(code);
    },
  );
}
