/**
 * Calls in a JSON list.
 *
 * @module
 */
import type { Reading } from "./characters.ts";
import { type CallTarget, readJsonCall } from "./json_call.ts";

/** Reads a list of calls; what follows the first call and is none is dropped. Returns the text taken if there is no call. */
export function* readCallList(target: CallTarget): Reading<string | undefined> {
  const { characters, parts } = target;
  if (!(yield* characters.take("["))) return "";
  const space = yield* characters.space();
  const noCall = yield* readJsonCall(target);
  if (noCall !== undefined) return `[${space}${noCall}`;
  for (;;) {
    yield* characters.space();
    if (!(yield* characters.take(","))) break;
    yield* characters.space();
    const text = yield* readJsonCall(target);
    if (text !== undefined) {
      parts.addContent(text);
      return undefined;
    }
  }
  yield* characters.takeEnd("]");
  return undefined;
}
