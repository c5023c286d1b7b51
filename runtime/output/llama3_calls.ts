/**
 * Calls as Llama 3.1 to 3.3 write them: JSON objects with `name` and `parameters`, several with `;` between them,
 * sometimes behind `<|python_tag|>`.
 *
 * @module
 */
import type { CallFormat } from "./call_format.ts";
import type { Reading } from "./characters.ts";
import { type CallTarget, readJsonCall } from "./json_call.ts";
import { readText } from "./marked_text.ts";

const TAG = "<|python_tag|>", OBJECT = '{"name": "';

function* read(target: CallTarget): Reading {
  const { characters } = target;
  // An answer that is an object may be a call, however it begins; within text only the beginning of one that is enforced.
  yield* readCalls(target, yield* characters.space());
  for (
    let found = yield* readText(target, [TAG, OBJECT]);
    found;
    found = yield* readText(target, [TAG, OBJECT])
  ) {
    if (found.mark === OBJECT) characters.putBack(OBJECT);
    const inner = found.mark === TAG ? yield* characters.space() : "";
    yield* readCalls(target, found.space + inner);
  }
}

/** Reads calls up to something else. What is none is text, with `space` before it. */
function* readCalls(target: CallTarget, space: string): Reading {
  const { characters, parts } = target;
  for (let before = space;; before = "") {
    const noCall = yield* readJsonCall(target);
    if (noCall !== undefined) {
      if (noCall === "") characters.putBack(before);
      else parts.addContent(before + noCall);
      return;
    }
    const behind = yield* characters.space();
    if (!(yield* characters.take(";"))) {
      characters.putBack(behind);
      return;
    }
    yield* characters.space();
  }
}

/** The form. */
export const llama3: CallFormat = {
  marks: [TAG],
  written: {
    trigger: OBJECT,
    begin: OBJECT,
    call: (name) => `${JSON.stringify(name).slice(1)}, "parameters": `,
    callEnd: "",
    separator: `}; ${OBJECT}`,
    end: "}",
  },
  read,
};
