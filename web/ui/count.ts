/**
 * Numbers of things, in words.
 *
 * @module
 */

/** A number of things, e.g. "1 draft", "3 drafts". */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
