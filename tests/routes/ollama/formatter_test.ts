// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { chatWording, OllamaFormatter, promptWording } from "../../../routes/ollama/formatter.ts";
import { ollamaChatResponse, ollamaGenerateResponse } from "../../../routes/schema/ollama_answer.ts";
import { chunksOf, everyPart, outputOf, readersOf } from "../../support/scripted_answers.ts";

const line = ollamaChatResponse.strict();
const calls = [
  { id: "call_a", function: { index: 0, name: "weather", arguments: { city: "Rome" } } },
  { id: "call_b", function: { index: 1, name: "time", arguments: {} } },
];

function formatterOf(parts = everyPart, wording: typeof chatWording | typeof promptWording = chatWording) {
  return new OllamaFormatter({ model: "tiny", stream: true, prepared: readersOf(parts), wording });
}

Deno.test("ollama: thinking, content and whole calls, in one piece and line by line", async () => {
  const whole = line.parse(formatterOf().whole([outputOf(everyPart.length)]));
  const said = { role: "assistant", content: "Let me see.", thinking: "Hmm.", tool_calls: calls };
  assert.deepEqual([whole.message, whole.done_reason], [said, "stop"]);
  const events = await Array.fromAsync(formatterOf().events(chunksOf(everyPart.length)));
  const lines = events.map((event) => line.parse(event));
  assert.deepEqual(
    {
      role: "assistant",
      content: lines.map(({ message }) => message.content).join(""),
      thinking: lines.map(({ message }) => message.thinking ?? "").join(""),
      tool_calls: lines.flatMap(({ message }) => message.tool_calls ?? []),
    },
    said,
  );
  assert.deepEqual(lines.map(({ done }) => done).indexOf(true), lines.length - 1);
});

Deno.test("ollama: an answer to a prompt has its thinking beside it", () => {
  const whole = formatterOf(everyPart, promptWording).whole([outputOf(everyPart.length)]);
  const { response, thinking } = ollamaGenerateResponse.strict().parse(whole);
  assert.deepEqual([response, thinking], ["Let me see.", "Hmm."]);
});

Deno.test("ollama: a call that the limit has cut is left out, and the end says length", async () => {
  const cut = everyPart.slice(0, 6), end = { type: "length", length: 6 } as const;
  const whole = line.parse(formatterOf(cut).whole([outputOf(6, end)]));
  assert.deepEqual([whole.message.tool_calls, whole.done_reason], [undefined, "length"]);
  const events = await Array.fromAsync(formatterOf(cut).events(chunksOf(6, end)));
  assert.deepEqual(events.flatMap((event) => line.parse(event).message.tool_calls ?? []), []);
});
