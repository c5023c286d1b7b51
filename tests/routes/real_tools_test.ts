// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Calls of tools over a real engine: a tiny random model, which knows no JSON, makes valid calls, since grammars have it
 * do so.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { chatResponse } from "../../routes/schema/chat.ts";
import { answer, type App, events } from "../support/http.ts";
import { ngram, withApp } from "../support/real_app.ts";

const path = "/v1/chat/completions";
const messages = [{ role: "user", content: "Hi" }];
const weather = z.strictObject({ days: z.int().min(1).max(9) });
const time = z.strictObject({ zone: z.enum(["UTC", "CET"]) });
const tools = [
  ["weather", { days: { type: "integer", minimum: 1, maximum: 9 } }, ["days"]],
  ["time", { zone: { enum: ["UTC", "CET"] } }, ["zone"]],
].map(([name, properties, required]) => ({
  type: "function",
  function: { name, parameters: { properties, required } },
}));

interface Call {
  readonly name: string;
  readonly arguments: string;
}

async function ask(app: App, fields: object): Promise<{ finish: string | null; calls: Call[] }> {
  const { choices: [choice] } = await answer(app, path, { messages, tools, ...fields }, chatResponse);
  return {
    finish: choice!.finish_reason,
    calls: choice!.message.tool_calls?.map((call) => call.function) ?? [],
  };
}

function assertValid({ name, arguments: given }: Call): void {
  assert.ok(name === "weather" || name === "time", name);
  (name === "weather" ? weather : time).parse(JSON.parse(given));
}

const streamed = z.object({
  choices: z.array(z.object({
    delta: z.object({
      tool_calls: z.array(z.object({
        function: z.object({ name: z.string().optional(), arguments: z.string() }),
      })).optional(),
    }),
    finish_reason: z.string().nullable(),
  })),
});

Deno.test("real tools: a random model makes valid calls, with drafts and without", async () => {
  await withApp(ngram, async (app) => {
    const names = new Set<string>();
    for (let seed = 0; seed < 6; seed++) {
      const fields = { temperature: 1, seed, parallel_tool_calls: false, tool_choice: "required" };
      const drafted = await ask(app, fields);
      assert.equal(drafted.finish, "tool_calls");
      assert.equal(drafted.calls.length, 1);
      assertValid(drafted.calls[0]!);
      names.add(drafted.calls[0]!.name);
      assert.deepEqual(await ask(app, { ...fields, speculative: false }), drafted);
      const chunks = await events(app, path, { messages, tools, ...fields }, streamed);
      const parts = chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []));
      assert.equal(parts[0]!.function.name, drafted.calls[0]!.name);
      assert.equal(parts.map((part) => part.function.arguments).join(""), drafted.calls[0]!.arguments);
      assert.equal(chunks.at(-1)!.choices[0]!.finish_reason, "tool_calls");
    }
    assert.equal(names.size, 2, "it chooses");
    const tool_choice = { type: "function", function: { name: "time" } };
    const { calls } = await ask(app, { tool_choice, temperature: 1, seed: 1, max_tokens: 90 });
    assert.ok(calls.length > 0 && calls.every(({ name }) => name === "time"));
    assertValid(calls[0]!);
  }, { contextLength: 1024 });
});
