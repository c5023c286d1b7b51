/**
 * Text in which marks begin something else.
 *
 * @module
 */
import { isSpace, type Reading } from "./characters.ts";
import type { CallTarget } from "./json_call.ts";

/** A mark that was found, and the white space before it, which is not shown if a call follows. */
export interface FoundMark {
  readonly space: string;
  readonly mark: string;
}

/**
 * Reads text up to the next mark, and shows it but for white space before the mark. What may still become a mark is
 * held back. White space at the end of the text is dropped behind calls. Undefined at the end.
 *
 * @param marks texts of which none begins another; none begins with white space
 */
export function* readText(
  { characters, parts }: CallTarget,
  marks: readonly string[],
): Reading<FoundMark | undefined> {
  let space = "", held = "";
  for (;;) {
    const next = characters.nextIfThere() ?? (yield* characters.next());
    if (next === undefined) break;
    if (held === "" && isSpace(next)) {
      space += next;
      continue;
    }
    held += next;
    if (marks.includes(held)) return { space, mark: held };
    if (marks.some((mark) => mark.startsWith(held))) continue;
    // Its first character begins no mark; the others may.
    parts.addContent(space + held[0]!);
    characters.putBack(held.slice(1));
    space = held = "";
  }
  if (held !== "" || !parts.hasCalls) parts.addContent(space + held);
  return undefined;
}
