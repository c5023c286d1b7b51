/**
 * Calls as Hermes 2 Pro and Qwen write them: a JSON object between `<tool_call>` and `</tool_call>`.
 *
 * @module
 */
import type { CallFormat } from "./call_format.ts";
import type { Reading } from "./characters.ts";
import { type CallTarget, readJsonCall } from "./json_call.ts";
import { readText } from "./marked_text.ts";

const OPEN = "<tool_call>", CLOSE = "</tool_call>";

function* read(target: CallTarget): Reading {
  const { characters, parts } = target;
  for (let found = yield* readText(target, [OPEN]); found; found = yield* readText(target, [OPEN])) {
    const space = yield* characters.space();
    const noCall = yield* readJsonCall(target);
    if (noCall === undefined) yield* characters.takeEnd(CLOSE);
    else parts.addContent(found.space + found.mark + space + noCall);
  }
}

/** The form. */
export const hermes: CallFormat = {
  marks: [OPEN, CLOSE],
  written: {
    trigger: OPEN,
    begin: `${OPEN}\n`,
    call: (name) => `{"name": ${JSON.stringify(name)}, "arguments": `,
    callEnd: "}",
    separator: `\n${CLOSE}\n${OPEN}\n`,
    end: `\n${CLOSE}`,
  },
  read,
};
