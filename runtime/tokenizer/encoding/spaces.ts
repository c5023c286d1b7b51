/**
 * White space at the ends of texts, by Unicode's property: JavaScript's own trimming also takes U+FEFF, and not U+0085.
 *
 * @module
 */

const WHITE_SPACE = /^\p{White_Space}$/u;

/** Where the white space that ends at `end` begins. All white space is one UTF-16 unit. */
export function startOfSpacesBefore(text: string, end: number): number {
  let start = end;
  while (start > 0 && WHITE_SPACE.test(text[start - 1]!)) start--;
  return start;
}

/** Where the white space that begins at `start` ends. */
export function endOfSpacesAfter(text: string, start: number): number {
  let end = start;
  while (end < text.length && WHITE_SPACE.test(text[end]!)) end++;
  return end;
}
