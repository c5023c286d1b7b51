// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { usage } from "../../../routes/schema/fields.ts";
import { generateResult } from "../../../routes/schema/generate.ts";
import { FakeGenerator, spell, type Step } from "../../support/fake_generator.ts";
import { answer, appOf, events, fault, post } from "../../support/http.ts";

const path = "/generate";
const list = z.array(generateResult);

Deno.test("generate: one prompt, native defaults", async () => {
  const generator = new FakeGenerator();
  const result = await answer(appOf(generator), path, { text: "Once" }, generateResult);
  assert.equal(result.text, "Hi!");
  assert.deepEqual(result.output_ids, [72, 105, 33, 0]);
  const { e2e_latency: latency, ...meta } = result.meta_info;
  assert.ok(latency !== undefined && latency >= 0);
  assert.deepEqual(meta, {
    id: generator.only.request.requestId,
    finish_reason: { type: "stop", matched: 0 },
    prompt_tokens: 4,
    completion_tokens: 4,
    cached_tokens: 3,
    num_retractions: 0,
    weight_version: "default",
  });
  const { sampling } = generator.only.request;
  assert.deepEqual([sampling.temperature, sampling.topK, sampling.topP], [1, 0, 1]);
});

Deno.test("generate: PUT works as POST", async () => {
  const response = await post(appOf(new FakeGenerator()), path, { text: "x" }, { method: "PUT" });
  assert.equal(generateResult.parse(await response.json()).text, "Hi!");
});

Deno.test("generate: null means all of the context, the default what is left of it, 0 nothing", async (t) => {
  const cases: [max: number | null | undefined, expected: number][] = [
    [50, 50],
    [96, 96],
    [0, 0],
    [null, 96],
    [
      undefined,
      96,
    ],
  ];
  for (const [max, expected] of cases) {
    await t.step(String(max), async () => {
      const generator = new FakeGenerator();
      await answer(
        appOf(generator),
        path,
        { text: "Once", sampling_params: { max_new_tokens: max } },
        generateResult,
      );
      assert.equal(generator.only.request.sampling.maxTokens, expected);
    });
  }
});

Deno.test("generate: what exceeds the context is refused, or cut if the server is to", async (t) => {
  const request = { text: "Once", sampling_params: { max_new_tokens: 97 } };
  const long = { text: "x".repeat(120), sampling_params: { max_new_tokens: 5 } };
  const chat = { messages: [{ role: "user", content: "x".repeat(120) }], max_tokens: 5 };
  const cases: [path: string, body: object, maxTokens: number, numPromptTokens: number][] = [
    [path, request, 96, 4],
    [path, long, 1, 99],
    [path, { input_ids: Array(7000).fill(1) }, 1, 99],
    ["/v1/completions", { prompt: "Once", max_tokens: 97 }, 96, 4],
    ["/v1/completions", { prompt: "x".repeat(7000) }, 1, 99],
    ["/v1/chat/completions", chat, 1, 99],
  ];
  for (const [path, body, maxTokens, numPromptTokens] of cases) {
    await t.step(`${path} ${JSON.stringify(body).slice(0, 60)}`, async () => {
      const error = await fault(appOf(new FakeGenerator()), path, body);
      assert.deepEqual([error.status, error.code], [400, "context_length_exceeded"]);
      const generator = new FakeGenerator();
      generator.model = { ...generator.model, allowAutoTruncate: true };
      assert.equal((await post(appOf(generator), path, body)).status, 200);
      const { sampling, promptTokens } = generator.only.request;
      assert.deepEqual([sampling.maxTokens, promptTokens.length], [maxTokens, numPromptTokens]);
    });
  }
});

Deno.test("generate: a batch is a list, with parameters and ids by prompt", async () => {
  const generator = new FakeGenerator();
  const results = await answer(appOf(generator), path, {
    input_ids: [[1, 2], [3]],
    sampling_params: [{ temperature: 0 }, { temperature: 0.5, top_k: 4 }],
    rid: ["a", "b"],
    return_logprob: [true, false],
  }, list);
  assert.deepEqual(results.map(({ meta_info: meta }) => meta.id), ["a", "b"]);
  assert.deepEqual(results.map(({ meta_info: meta }) => meta.output_token_logprobs !== undefined), [
    true,
    false,
  ]);
  const [first, second] = generator.seen.map(({ request }) => request.sampling);
  assert.deepEqual([first?.temperature, second?.temperature, second?.topK], [0, 0.5, 4]);
});

Deno.test("generate: a batch of one and n copies are lists too", async () => {
  const app = appOf(new FakeGenerator());
  assert.equal((await answer(app, path, { text: ["x"] }, list)).length, 1);
  const copies = await answer(app, path, { text: "x", rid: "r", sampling_params: { n: 2 } }, list);
  assert.deepEqual(copies.map(({ meta_info: meta }) => meta.id), ["r-0", "r-1"]);
});

Deno.test("generate: streamed text, ids and counts are cumulative", async () => {
  const chunks = await events(appOf(new FakeGenerator()), path, { text: "x" }, generateResult);
  assert.deepEqual(chunks.map(({ text }) => text), ["H", "Hi", "Hi!", "Hi!"]);
  assert.deepEqual(chunks.map(({ meta_info: meta }) => meta.completion_tokens), [1, 2, 3, 4]);
  assert.deepEqual(chunks.map(({ output_ids: ids }) => ids.length), [1, 2, 3, 4]);
  assert.deepEqual(chunks.map(({ meta_info: meta }) => meta.finish_reason?.type), [
    undefined,
    undefined,
    undefined,
    "stop",
  ]);
  assert.ok(chunks.every(({ index }) => index === undefined));
});

Deno.test("generate: a streamed batch carries the index", async () => {
  const generator = new FakeGenerator((_, index) => spell(["ab", "c"][index] ?? ""));
  const chunks = await events(appOf(generator), path, { text: ["x", "y"] }, generateResult);
  const last = (index: number) => chunks.filter((chunk) => chunk.index === index).at(-1);
  assert.deepEqual([last(0)?.text, last(1)?.text], ["ab", "c"]);
});

const logged: Step[] = [
  {
    text: "c",
    tokens: [99],
    promptLogprobs: [{ token: 97, logprob: null, top: [] }, { token: 98, logprob: -1, top: [[98, -1]] }],
    logprobs: [{ token: 99, logprob: -2, top: [[100, -0.5]] }],
    finish: { type: "length", length: 1 },
  },
];

Deno.test("generate: logprobs are triples, with text on demand", async () => {
  const request = { text: "ab", return_logprob: true, logprob_start_len: 0, top_logprobs_num: 1 };
  const generator = new FakeGenerator(() => logged);
  const { meta_info: meta } = await answer(appOf(generator), path, request, generateResult);
  assert.deepEqual(meta.input_token_logprobs, [[null, 97, null], [-1, 98, null]]);
  assert.deepEqual(meta.output_token_logprobs, [[-2, 99, null]]);
  assert.deepEqual(meta.input_top_logprobs, [null, [[-1, 98, null]]]);
  assert.deepEqual(meta.output_top_logprobs, [[[-0.5, 100, null]]]);
  assert.deepEqual(generator.only.request.sampling.promptLogprobStart, 0);
  const withText = { ...request, return_text_in_logprobs: true };
  const [chunk] = await events(appOf(new FakeGenerator(() => logged)), path, withText, generateResult);
  assert.deepEqual(chunk?.meta_info.output_token_logprobs, [[-2, 99, "c"]]);
});

Deno.test("generate: what is wrong or not supported is named", async (t) => {
  const cases: [fields: object, param: string, message?: RegExp][] = [
    [{ text: undefined }, "text"],
    [{ input_ids: [1] }, "input_ids"],
    [{ text: undefined, input_ids: [] }, "input_ids"],
    [{ text: undefined, input_ids: [300] }, "input_ids"],
    [{ text: 5 }, "text"],
    [{ text: "x".repeat(100) }, "text"],
    [{ sampling_params: { max_new_tokens: -1 } }, "sampling_params.max_new_tokens"],
    [{ sampling_params: { max_new_tokens: 0, min_new_tokens: 1 } }, "min_new_tokens"],
    [{ sampling_params: { max_new_tokens: 2, min_new_tokens: 3 } }, "min_new_tokens"],
    [{ sampling_params: { json_schema: {} } }, "sampling_params.json_schema"],
    [{ sampling_params: { json_schema: "{" } }, "sampling_params.json_schema", /not JSON/],
    [
      { sampling_params: { max_tokens: 3 } },
      "sampling_params.max_tokens",
      /did you mean max_new_tokens\?$/,
    ],
    [
      { text: ["x", "y"], sampling_params: [{}, { stop_regexp: "x" }] },
      "sampling_params[1].stop_regexp",
      /did you mean stop_regex\?$/,
    ],
    [{ sampling_params: [{}, {}] }, "sampling_params"],
    [{ text: ["x", "y"], sampling_params: [{ n: 1 }, { n: 2 }] }, "sampling_params"],
    [{ rid: ["a", "b"] }, "rid"],
    [{ logprob_start_len: -2 }, "logprob_start_len"],
    [{ return_logprob: true, logprob_start_len: 2 }, "logprob_start_len"],
    [{ top_logprobs_num: 1000 }, "top_logprobs_num"],
    [{ image_data: "x" }, "image_data"],
    [{ lora_path: "x" }, "lora_path"],
    [{ custom_logit_processor: "x" }, "custom_logit_processor"],
    [{ model: 1 }, "model"],
  ];
  const app = appOf(new FakeGenerator());
  for (const [fields, param, message = /^Cannot /] of cases) {
    await t.step(JSON.stringify(fields).slice(0, 80), async () => {
      const error = await fault(app, path, { text: "x", ...fields });
      assert.equal(error.status, 400, error.message);
      assert.equal(error.param, param, error.message);
      assert.match(error.message, message);
    });
  }
});

const speculation = {
  numVerifications: 4,
  numProposed: 12,
  numAccepted: 6,
  proposedHistogram: [4, 4, 4],
  acceptedHistogram: [1, 1, 1, 1],
};

/** Says "x" and what speculation did for it. */
function drafted(): Step[] {
  const usage = {
    numPromptTokens: 1,
    numCompletionTokens: 10,
    numCachedTokens: 0,
    numPreemptions: 0,
    speculation,
  };
  return [{ text: "x", tokens: [120], finish: { type: "length", length: 10 }, usage }];
}

Deno.test("generate: meta_info says what speculation did", async () => {
  const { meta_info: meta } = await answer(
    appOf(new FakeGenerator(drafted)),
    path,
    { text: "Once" },
    generateResult,
  );
  assert.equal(meta.spec_verify_ct, 4);
  assert.equal(meta.spec_accept_length, 2.5);
  assert.equal(meta.spec_accept_rate, 0.5);
  assert.deepEqual([meta.spec_num_correct_drafts, meta.spec_num_proposed_drafts], [6, 12]);
  assert.deepEqual(meta.spec_correct_drafts_histogram, [1, 1, 1, 1]);
});

Deno.test("chat: usage says what speculation did for all choices, if asked", async () => {
  const ask = (extra: object) =>
    answer(
      appOf(new FakeGenerator(drafted)),
      "/v1/chat/completions",
      { messages: [{ role: "user", content: "Hi" }], n: 2, ...extra },
      z.object({ usage }),
    );
  assert.equal((await ask({})).usage.spec_verify_ct, undefined);
  const { usage: counts } = await ask({ return_meta_info: true });
  assert.deepEqual([counts.spec_verify_ct, counts.spec_accept_length], [8, 2.5]);
  assert.deepEqual(counts.spec_correct_drafts_histogram, [2, 2, 2, 2]);
});
