/**
 * Calls as plain JSON: an object with `name` and `arguments`, or a list of them, alone or in a fenced block of Markdown.
 *
 * @module
 */
import type { CallFormat } from "./call_format.ts";
import type { Reading } from "./characters.ts";
import { type CallTarget, readJsonCall } from "./json_call.ts";
import { readText } from "./marked_text.ts";
import { readCallList } from "./call_list.ts";

const LIST = '[{"name": "';
const FENCE = "```json", FENCE_END = "```";

function* read(target: CallTarget): Reading {
  const { characters, parts } = target;
  const space = yield* characters.space();
  const isFenced = yield* characters.take(FENCE);
  const before = isFenced ? space + FENCE + (yield* characters.space()) : space;
  const first = yield* characters.next();
  characters.putBack(first);
  const noCall = first === "[" ? yield* readCallList(target) : yield* readJsonCall(target);
  if (noCall === "") characters.putBack(before);
  else if (noCall !== undefined) parts.addContent(before + noCall);
  else if (isFenced) yield* characters.takeEnd(FENCE_END);
  for (let found = yield* readText(target, [LIST]); found; found = yield* readText(target, [LIST])) {
    characters.putBack(LIST);
    const noList = yield* readCallList(target);
    if (noList !== undefined) parts.addContent(found.space + noList);
  }
}

/** The form. */
export const json: CallFormat = {
  marks: [],
  written: {
    trigger: LIST,
    begin: LIST,
    call: (name) => `${JSON.stringify(name).slice(1)}, "arguments": `,
    callEnd: "",
    separator: '}, {"name": "',
    end: "}]",
  },
  read,
};
