/**
 * @module
 */
import { strict as assert } from "node:assert";
import { itemsOf, OutputItems } from "../../../routes/openai/responses_output.ts";
import { outputItem } from "../../../routes/schema/responses_answer.ts";
import { joinParts } from "../../../runtime/output/parts.ts";
import { everyPart } from "../../support/scripted_answers.ts";

// deno-lint-ignore no-explicit-any -- events differ in their fields
type Event = any;

/** Puts events together as OpenAI's client does, and checks that what ends repeats what was added. */
function gather(events: readonly Event[]): Event[] {
  const items: Event[] = [];
  for (const event of structuredClone([...events])) {
    const item = items[event.output_index];
    switch (event.type) {
      case "response.output_item.added":
        assert.deepEqual([event.output_index, event.item.status], [items.length, "in_progress"]);
        items.push(event.item);
        break;
      case "response.content_part.added":
        assert.equal(event.content_index, item.content.length);
        item.content.push(event.part);
        break;
      case "response.output_text.delta":
      case "response.reasoning_text.delta":
        assert.equal(event.item_id, item.id);
        item.content[event.content_index].text += event.delta;
        break;
      case "response.output_text.done":
      case "response.reasoning_text.done":
        assert.equal(event.text, item.content[event.content_index].text);
        break;
      case "response.content_part.done":
        assert.deepEqual(event.part, item.content[event.content_index]);
        break;
      case "response.function_call_arguments.delta":
        item.arguments += event.delta;
        break;
      case "response.function_call_arguments.done":
        assert.deepEqual([event.arguments, event.name], [item.arguments, item.name]);
        break;
      default:
        assert.equal(event.type, "response.output_item.done");
        item.status = event.item.status;
        assert.deepEqual(event.item, item);
    }
  }
  return items;
}

/** Items without what differs each time. */
function withoutIds(items: readonly { readonly id: string }[]): object[] {
  assert.equal(new Set(items.map(({ id }) => id)).size, items.length);
  return items.map(({ id: _, ...rest }) => rest);
}

Deno.test("responses: the events of an answer are the items of the whole one", () => {
  const output = new OutputItems();
  const events: Event[] = [];
  // Each event is read before the next is made, as a stream writes them.
  for (const part of everyPart) for (const event of output.write(part)) events.push(structuredClone(event));
  for (const event of output.end("incomplete")) events.push(structuredClone(event));
  const gathered = gather(events);
  assert.deepEqual(gathered, output.done);
  const whole = itemsOf({ ...joinParts(everyPart), finish: undefined, numReasoningTokens: 2 }, "incomplete");
  assert.deepEqual(withoutIds(gathered), withoutIds(whole));
  for (const item of whole) outputItem.parse(item);
  assert.deepEqual(whole.map(({ type, status }) => [type, status]), [
    ["reasoning", "completed"],
    ["message", "completed"],
    ["function_call", "completed"],
    ["function_call", "incomplete"],
  ]);
  const call = whole[2];
  assert(call?.type === "function_call");
  assert.deepEqual([call.call_id, call.name, call.arguments], ["call_a", "weather", '{"city":"Rome"}']);
});

Deno.test("responses: an answer that says nothing has no items", () => {
  const answer = { reasoning: "", content: "", calls: [], finish: undefined, numReasoningTokens: 0 };
  assert.deepEqual(itemsOf(answer, "completed"), []);
  assert.deepEqual([...new OutputItems().end()], []);
});
