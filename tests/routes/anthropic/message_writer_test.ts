/**
 * @module
 */
import { strict as assert } from "node:assert";
import { BlockEvents, blocksOf } from "../../../routes/anthropic/message_writer.ts";
import { joinParts } from "../../../runtime/output/parts.ts";
import { everyPart } from "../../support/scripted_answers.ts";

const shown = { omitsThinking: false };
const answer = { ...joinParts(everyPart), finish: undefined, numReasoningTokens: 2 };

// deno-lint-ignore no-explicit-any -- events differ in their fields
type Event = any;

/** Puts events together as Anthropic's client does. */
function gather(events: readonly Event[]): Event[] {
  const blocks: Event[] = [], inputs: string[] = [];
  let open = -1;
  for (const { type, index, content_block: block, delta } of events) {
    if (type === "content_block_start") {
      assert.deepEqual([open, index], [-1, blocks.length]);
      blocks.push({ ...block });
      inputs.push("");
      open = index;
    } else if (type === "content_block_stop") {
      assert.equal(index, open);
      if (blocks[index].type === "tool_use") blocks[index].input = JSON.parse(inputs[index]!);
      open = -1;
    } else {
      assert.deepEqual([type, index], ["content_block_delta", open]);
      if (delta.type === "text_delta") blocks[index].text += delta.text;
      if (delta.type === "thinking_delta") blocks[index].thinking += delta.thinking;
      if (delta.type === "signature_delta") blocks[index].signature = delta.signature;
      if (delta.type === "input_json_delta") inputs[index] += delta.partial_json;
    }
  }
  assert.equal(open, -1);
  return blocks;
}

function eventsOf(options: { readonly omitsThinking: boolean }): Event[] {
  const writer = new BlockEvents(options);
  return [...everyPart.flatMap((part) => [...writer.write(part)]), ...writer.end()];
}

Deno.test("anthropic: the events of an answer are the blocks of the whole one", () => {
  const blocks = blocksOf(answer, shown);
  assert.deepEqual(gather(eventsOf(shown)), blocks);
  const [thinking, ...rest] = blocks;
  assert(thinking?.type === "thinking" && thinking.thinking === "Hmm." && thinking.signature.length > 16);
  const caller = { type: "direct" };
  assert.deepEqual(rest, [
    { type: "text", text: "Let me see.", citations: null },
    { type: "tool_use", id: "call_a", name: "weather", input: { city: "Rome" }, caller },
    { type: "tool_use", id: "call_b", name: "time", input: {}, caller },
  ]);
});

Deno.test("anthropic: thinking that is omitted leaves a block with its signature", () => {
  const hidden = { omitsThinking: true };
  const [thinking] = blocksOf(answer, hidden), [whole] = blocksOf(answer, shown);
  assert.deepEqual(thinking, { ...whole, thinking: "" });
  assert.deepEqual(gather(eventsOf(hidden))[0], thinking);
});

Deno.test("anthropic: a call whose arguments the limit has cut has none", () => {
  const calls = [{ id: "call_a", name: "weather", arguments: '{"city":"R' }];
  const [block] = blocksOf({ ...answer, reasoning: "", content: "", calls }, shown);
  assert(block?.type === "tool_use");
  assert.deepEqual(block.input, {});
});
