/**
 * Calls as DeepSeek-V3 and R1 write them: a type, a name and a fenced block of JSON between marks.
 *
 * @module
 */
import type { CallFormat } from "./call_format.ts";
import type { Reading } from "./characters.ts";
import { type CallTarget, copyValue, MAX_NAME } from "./json_call.ts";
import { readText } from "./marked_text.ts";

const BEGIN = "<｜tool▁calls▁begin｜>", END = "<｜tool▁calls▁end｜>";
const CALL = "<｜tool▁call▁begin｜>", CALL_END = "<｜tool▁call▁end｜>", NAME = "<｜tool▁sep｜>";
const FENCE = "\n```json\n", FENCE_END = "\n```";

function* read(target: CallTarget): Reading {
  const { characters, parts } = target;
  for (
    let found = yield* readText(target, [BEGIN, CALL]);
    found;
    found = yield* readText(target, [BEGIN, CALL])
  ) {
    if (found.mark === BEGIN) yield* characters.space();
    const isCall = found.mark === CALL || (yield* characters.take(CALL));
    const noCall = isCall ? yield* readCall(target) : "";
    // The marks are tokens of their own, which are not shown.
    if (noCall !== undefined) parts.addContent(found.space + noCall);
    else yield* readEnd(target);
  }
}

/** Reads the type, the name and the arguments. Returns the text taken if they are no call. */
function* readCall({ characters, parts, names }: CallTarget): Reading<string | undefined> {
  const type = yield* characters.until("<\n", MAX_NAME);
  if (!(yield* characters.take(NAME))) return type;
  const name = yield* characters.until("\n<", MAX_NAME);
  const taken = type + NAME + name;
  if (!(yield* characters.take(FENCE))) return taken;
  const next = yield* characters.next();
  characters.putBack(next);
  if (next !== "{" || name === "" || names?.has(name) === false) return taken + FENCE;
  parts.addCall(name);
  if (yield* copyValue(characters, (text) => parts.addArguments(text))) {
    yield* characters.takeEnd(FENCE_END.trim());
  }
  return undefined;
}

function* readEnd({ characters }: CallTarget): Reading {
  yield* characters.takeEnd(CALL_END);
  yield* characters.takeEnd(END);
}

/** The form. */
export const deepseekV3: CallFormat = {
  marks: [BEGIN, END, CALL, CALL_END, NAME],
  written: {
    trigger: BEGIN,
    begin: `${BEGIN}${CALL}function${NAME}`,
    call: (name) => name + FENCE,
    callEnd: FENCE_END,
    separator: `${CALL_END}\n${CALL}function${NAME}`,
    end: CALL_END + END,
  },
  read,
};
