// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * What answers carry when it is asked for: token ids, logprobs of chosen tokens and of prompts; and what may be asked.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { chatResponse } from "../../routes/schema/chat.ts";
import { completionResponse } from "../../routes/schema/completions.ts";
import { generateResult } from "../../routes/schema/generate.ts";
import { FakeGenerator, type Step } from "../support/fake_generator.ts";
import { answer, appOf, events, fault } from "../support/http.ts";

const messages = [{ role: "user", content: "hi" }];

/** "cd", whose tokens are c, one without text, d. */
const script: Step[] = [
  { text: "c", tokens: [99] },
  { tokens: [7] },
  { text: "d", tokens: [100] },
  { finish: { type: "length", length: 3 }, tokens: [8] },
];

Deno.test("ids of prompt and tokens on /v1/completions, whole and streamed", async () => {
  const request = { prompt: [[97, 98], [1, 2]], return_token_ids: true };
  const { choices } = await answer(
    appOf(new FakeGenerator(() => script)),
    "/v1/completions",
    request,
    completionResponse,
  );
  assert.deepEqual(choices.map(({ prompt_token_ids: ids }) => ids), [[97, 98], [1, 2]]);
  assert.deepEqual(choices.map(({ token_ids: ids }) => ids), [[99, 7, 100, 8], [99, 7, 100, 8]]);
  const chunks = await events(
    appOf(new FakeGenerator(() => script)),
    "/v1/completions",
    { ...request, prompt: "ab" },
    completionResponse,
  );
  const parts = chunks.map(({ choices: [choice] }) => choice!);
  assert.deepEqual(parts.flatMap(({ token_ids: ids }) => ids), [99, 7, 100, 8]);
  assert.deepEqual(parts.map(({ prompt_token_ids: ids }) => ids), [[97, 98], undefined, undefined]);
});

Deno.test("ids of prompt and tokens on /v1/chat/completions, whole and streamed", async () => {
  const app = appOf(new FakeGenerator(() => script));
  const ask = (fields: object) => answer(app, "/v1/chat/completions", { messages, ...fields }, chatResponse);
  const all = await ask({ return_token_ids: true });
  const [choice] = all.choices;
  const expected = [..."user:hi|assistant:"].map((character) => character.charCodeAt(0));
  assert.deepEqual([all.prompt_token_ids, choice?.prompt_token_ids], [expected, expected]);
  assert.deepEqual([choice?.token_ids, choice?.response_token_ids], [[99, 7, 100, 8], [99, 7, 100, 8]]);
  const prompt = await ask({ return_prompt_token_ids: true });
  assert.deepEqual([prompt.prompt_token_ids, prompt.choices[0]?.token_ids], [expected, undefined]);
  const none = await ask({ return_token_ids: false });
  assert.deepEqual([none.prompt_token_ids, none.choices[0]?.token_ids], [undefined, undefined]);
  const chunk = z.object({
    prompt_token_ids: z.array(z.int()).optional(),
    choices: z.array(z.object({ token_ids: z.array(z.int()).optional() })),
  });
  const chunks = await events(app, "/v1/chat/completions", { messages, return_token_ids: true, n: 2 }, chunk);
  assert.deepEqual(chunks.flatMap(({ prompt_token_ids: ids = [] }) => ids), expected, "once");
  const streamed = chunks.flatMap(({ choices }) => choices[0]?.token_ids ?? []);
  assert.deepEqual(streamed.toSorted(), [99, 7, 100, 8, 99, 7, 100, 8].toSorted());
});

Deno.test("ids of the prompt on /generate", async () => {
  const app = appOf(new FakeGenerator(() => script));
  const request = { text: ["ab", "c"], return_prompt_token_ids: true };
  const results = await answer(app, "/generate", request, z.array(generateResult));
  assert.deepEqual(results.map(({ prompt_token_ids: ids }) => ids), [[97, 98], [99]]);
  const plain = await answer(app, "/generate", { text: "ab" }, generateResult);
  assert.equal("prompt_token_ids" in plain, false);
  const chunks = await events(app, "/generate", { ...request, text: "ab" }, generateResult);
  assert.deepEqual(chunks.map(({ prompt_token_ids: ids }) => ids), [[97, 98], undefined, [97, 98]]);
});

Deno.test("token_ids_logprob is one id, a list for all, or a list each", async () => {
  const entry = (token: number, chosen?: number[]) => ({
    token,
    logprob: -1,
    top: [],
    ...(chosen && { chosen }),
  });
  const logged: Step[] = [{
    text: "c",
    tokens: [99],
    promptLogprobs: [{ token: 97, logprob: null, top: [] }, entry(98, [-2, -Infinity])],
    logprobs: [entry(99, [-3, -4])],
    finish: { type: "length", length: 1 },
  }];
  const generator = new FakeGenerator(() => logged), app = appOf(generator);
  const fields = { return_logprob: true, logprob_start_len: 0 };
  const one = await answer(
    app,
    "/generate",
    { text: "ab", ...fields, token_ids_logprob: [5, 101] },
    generateResult,
  );
  assert.deepEqual(one.meta_info.input_token_ids_logprobs, [null, [[-2, 5, null], [-9999, 101, null]]]);
  assert.deepEqual(one.meta_info.output_token_ids_logprobs, [[[-3, 5, null], [-4, 101, null]]]);
  for (const ids of [7, [7, 8], [[7], []], [], null]) {
    await answer(
      app,
      "/generate",
      { text: ["a", "b"], ...fields, token_ids_logprob: ids },
      z.array(generateResult),
    );
  }
  assert.deepEqual(generator.seen.slice(1).map(({ request }) => request.sampling.logprobTokens), [
    ...[[7], [7]],
    ...[[7, 8], [7, 8]],
    ...[[7], []],
    ...[[], []],
    ...[[], []],
  ]);
});

Deno.test("prompt_logprobs are by token id with rank and text", async () => {
  const logged: Step[] = [{
    text: "c",
    tokens: [99],
    promptLogprobs: [
      { token: 97, logprob: null, top: [] },
      { token: 98, logprob: -3, rank: 4, top: [[100, -0.5], [101, -1]] },
    ],
    finish: { type: "length", length: 1 },
  }];
  const generator = new FakeGenerator(() => logged), app = appOf(generator);
  const expected = [null, {
    98: { logprob: -3, rank: 4, decoded_token: "b" },
    100: { logprob: -0.5, rank: 1, decoded_token: "d" },
  }];
  const completion = { prompt: "ab", prompt_logprobs: 1 };
  const { choices: [choice] } = await answer(app, "/v1/completions", completion, completionResponse);
  assert.deepEqual([choice?.prompt_logprobs, choice?.logprobs], [expected, null]);
  const chat = await answer(app, "/v1/chat/completions", { messages, prompt_logprobs: 1 }, chatResponse);
  assert.deepEqual(chat.prompt_logprobs, expected);
  for (const { request: { sampling } } of generator.seen) {
    const { numLogprobs, numPromptLogprobs, promptLogprobStart, promptRanks } = sampling;
    assert.deepEqual([numLogprobs, numPromptLogprobs, promptLogprobStart, promptRanks], [-1, 1, 0, true]);
  }
});

Deno.test("min_new_tokens is min_tokens on /v1", async () => {
  const generator = new FakeGenerator(), app = appOf(generator);
  for (const fields of [{ min_tokens: 0, min_new_tokens: 3 }, { min_tokens: 3, min_new_tokens: 3 }]) {
    await answer(app, "/v1/completions", { prompt: "a", ...fields }, completionResponse);
    await answer(app, "/v1/chat/completions", { messages, ...fields }, chatResponse);
  }
  assert.deepEqual(generator.seen.map(({ request }) => request.sampling.minTokens), [3, 3, 3, 3]);
});

Deno.test("what is asked for in a wrong way is named", async (t) => {
  const cases: [path: string, fields: object, param: string][] = [
    ["/generate", { token_ids_logprob: [256] }, "token_ids_logprob"],
    ["/generate", { token_ids_logprob: [-1] }, "token_ids_logprob[0]"],
    ["/generate", { token_ids_logprob: [[1], [2]] }, "token_ids_logprob"],
    ["/generate", { token_ids_logprob: Array.from({ length: 129 }, () => 1) }, "token_ids_logprob"],
    ["/generate", { cache_salt: 5 }, "cache_salt"],
    ["/generate", { extra_key: "x".repeat(257) }, "extra_key"],
    ["/generate", { sampling_params: { stop_regex: "(" } }, "stop_regex"],
    ["/generate", { sampling_params: { stop_regex: [5] } }, "sampling_params.stop_regex[0]"],
    ["/v1/completions", { prompt_logprobs: 21 }, "prompt_logprobs"],
    ["/v1/completions", { prompt_logprobs: 1, stream: true }, "prompt_logprobs"],
    ["/v1/completions", { min_tokens: 1, min_new_tokens: 2 }, "min_new_tokens"],
    ["/v1/completions", { max_tokens: 2, min_new_tokens: 3 }, "min_new_tokens"],
    ["/v1/completions", { stop_regex: "x".repeat(257) }, "stop_regex"],
    ["/v1/completions", { stop_regex: Array.from({ length: 33 }, () => "x") }, "stop_regex"],
  ];
  const app = appOf(new FakeGenerator());
  for (const [path, fields, param] of cases) {
    await t.step(JSON.stringify(fields).slice(0, 80), async () => {
      const prompt = path === "/generate" ? { text: "x" } : { prompt: "x" };
      const error = await fault(app, path, { ...prompt, ...fields });
      assert.deepEqual([error.status, error.param], [400, param], error.message);
    });
  }
});
