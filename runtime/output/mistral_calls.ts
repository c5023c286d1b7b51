/**
 * Calls as Mistral's models write them behind `[TOOL_CALLS]`: a JSON list, and since 2025 a name with its arguments,
 * `[TOOL_CALLS]name[ARGS]{...}`, or `name{...}`.
 *
 * @module
 */
import type { CallFormat } from "./call_format.ts";
import type { Reading } from "./characters.ts";
import { type CallTarget, copyValue, MAX_NAME, readJsonCall } from "./json_call.ts";
import { readText } from "./marked_text.ts";
import { readCallList } from "./call_list.ts";

const MARK = "[TOOL_CALLS]", ARGS = "[ARGS]", ID = "[CALL_ID]";

function* read(target: CallTarget): Reading {
  const { characters, parts } = target;
  for (let found = yield* readText(target, [MARK]); found; found = yield* readText(target, [MARK])) {
    const space = yield* characters.space();
    const first = yield* characters.next();
    characters.putBack(first);
    const noCall = first === "["
      ? yield* readCallList(target)
      : first === "{"
      ? yield* readJsonCall(target)
      : yield* readNamed(target);
    // The mark is a token of its own, which is not shown.
    if (noCall !== undefined) parts.addContent(found.space + space + noCall);
  }
}

/** Reads a name and its arguments. Returns the text taken if they are no call. */
function* readNamed({ characters, parts, names }: CallTarget): Reading<string | undefined> {
  const name = (yield* characters.until("[{", MAX_NAME)).trimEnd();
  let taken = name;
  if (yield* characters.take(ID)) taken += ID + (yield* characters.until("[", MAX_NAME));
  if (yield* characters.take(ARGS)) taken += ARGS;
  taken += yield* characters.space();
  const next = yield* characters.next();
  characters.putBack(next);
  if (next !== "{" || name === "" || names?.has(name) === false) return taken;
  parts.addCall(name);
  yield* copyValue(characters, (text) => parts.addArguments(text));
  return undefined;
}

/** Mistral's templates take nine letters or digits. */
function newId(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 9);
}

/** The form with a JSON list, up to the tokenizers v7. */
export const mistralList: CallFormat = {
  marks: [MARK, ARGS, ID],
  written: {
    trigger: MARK,
    begin: `${MARK} [{"name": "`,
    call: (name) => `${JSON.stringify(name).slice(1)}, "arguments": `,
    callEnd: "",
    separator: '}, {"name": "',
    end: "}]",
  },
  read,
  newId,
};

/** The form with names, since the tokenizers v11. */
export const mistralNamed: CallFormat = {
  ...mistralList,
  written: { trigger: MARK, begin: MARK, call: (name) => name + ARGS, callEnd: "", separator: MARK, end: "" },
};
