// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import type { SamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import { seedSource } from "../../../routes/generation/context.ts";
import { seedOf, toSamplingParams } from "../../../routes/generation/sampling_fields.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf, post } from "../../support/http.ts";

const own = { maxTokens: 8, minTokens: 0, seed: 1, numLogprobs: -1, promptLogprobStart: -1 };
const { model } = new FakeGenerator();

Deno.test("sampling fields: each reaches its parameter", () => {
  const params = toSamplingParams(
    {
      temperature: 0.5,
      top_p: 0.9,
      top_k: 7,
      min_p: 0.1,
      frequency_penalty: 0.2,
      presence_penalty: 0.3,
      repetition_penalty: 1.1,
      logit_bias: { "5": -100, "6": 2 },
      stop: "END",
      stop_regex: ["\\d+", ""],
      stop_token_ids: [9],
      ignore_eos: true,
      skip_special_tokens: false,
      no_stop_trim: true,
    },
    own,
    model,
  );
  assert.deepEqual(params, {
    ...own,
    numPromptLogprobs: -1,
    promptRanks: false,
    logprobTokens: [],
    temperature: 0.5,
    topP: 0.9,
    topK: 7,
    minP: 0.1,
    frequencyPenalty: 0.2,
    presencePenalty: 0.3,
    repetitionPenalty: 1.1,
    logitBias: [[5, -100], [6, 2]],
    stop: ["END"],
    stopRegex: ["\\d+"],
    stopTokenIds: [9],
    ignoreEos: true,
    skipSpecialTokens: false,
    noStopTrim: true,
  });
});

Deno.test("sampling fields: what a request leaves out is the model's, and any value of the request goes before", () => {
  const samplingDefaults = { temperature: 0.6, topP: 0.95, topK: 20, minP: 0.05, repetitionPenalty: 1.05 };
  const recommended = { ...model, samplingDefaults };
  const sampled = ({ temperature, topP, topK, minP, repetitionPenalty }: SamplingParams) => ({
    temperature,
    topP,
    topK,
    minP,
    repetitionPenalty,
  });
  assert.deepEqual(sampled(toSamplingParams({}, own, recommended)), samplingDefaults);
  assert.deepEqual(
    sampled(
      toSamplingParams(
        { temperature: 0, top_p: 1, top_k: -1, min_p: 0, repetition_penalty: 1 },
        own,
        recommended,
      ),
    ),
    { temperature: 0, topP: 1, topK: 0, minP: 0, repetitionPenalty: 1 },
  );
  assert.equal(toSamplingParams({}, own, { ...model, samplingDefaults: { topK: -1 } }).topK, 0);
  assert.equal(toSamplingParams({}, own, { ...model, samplingDefaults: { topP: 0 } }).temperature, 0);
});

Deno.test("sampling fields: a temperature next to 0 is greedy, top_k -1 or beyond the vocabulary is all", () => {
  assert.equal(toSamplingParams({ temperature: 1e-7 }, own, model).temperature, 0);
  assert.equal(toSamplingParams({ temperature: 1e-5 }, own, model).temperature, 1e-5);
  assert.equal(toSamplingParams({ top_k: -1 }, own, model).topK, 0);
  assert.equal(toSamplingParams({ top_k: 0 }, own, model).topK, 0);
  assert.equal(toSamplingParams({ top_k: 1e9 }, own, model).topK, 0);
});

Deno.test("sampling fields: empty stop texts mean none", () => {
  for (const stop of ["", [], [""], ["", ""]]) {
    assert.deepEqual(toSamplingParams({ stop }, own, model).stop, []);
  }
  assert.deepEqual(toSamplingParams({ stop: ["", "a"] }, own, model).stop, ["a"]);
});

Deno.test("sampling fields: empty expressions mean none, in every endpoint", async () => {
  for (const stop_regex of [null, [], "", [""], ["", "a+"]]) {
    const bodies = [
      ["/generate", { text: "x", sampling_params: { stop_regex } }],
      ["/generate", { text: ["x"], sampling_params: [{ stop_regex }] }],
      ["/v1/completions", { prompt: "x", stop_regex }],
    ] as const;
    for (const [path, body] of bodies) {
      const generator = new FakeGenerator();
      assert.equal((await post(appOf(generator), path, body)).status, 200);
      const expected = [stop_regex].flat().filter((pattern) => pattern === "a+");
      assert.deepEqual(generator.only.request.sampling.stopRegex, expected);
    }
  }
});

Deno.test("sampling fields: seeds differ by copy, and are drawn where none is given", () => {
  const drawn = () => 42;
  assert.equal(seedOf(undefined, 3, drawn), 42);
  assert.deepEqual([0, 1].map((copy) => seedOf(7n, copy, drawn)), [7n, 8n]);
  const last = 2n ** 63n - 1n;
  assert.deepEqual([0, 1].map((copy) => seedOf(last, copy, drawn)), [last, -last - 1n]);
});

Deno.test("sampling fields: a base seed makes the drawn seeds reproducible and distinct", () => {
  const draw = (base?: number) => {
    const next = seedSource(base);
    return Array.from({ length: 100 }, next);
  };
  assert.deepEqual(draw(5), draw(5));
  assert.notDeepEqual(draw(5), draw(6));
  assert.notDeepEqual(draw(), draw());
  assert.equal(new Set(draw(5)).size, 100);
});
