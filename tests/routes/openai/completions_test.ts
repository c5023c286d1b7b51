// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { completionResponse } from "../../../routes/schema/completions.ts";
import type { EncodeOptions } from "../../../runtime/contracts/chat.ts";
import { FakeGenerator, spell, type Step } from "../../support/fake_generator.ts";
import { answer, appOf, events, fault } from "../../support/http.ts";

const path = "/v1/completions";

Deno.test("completions: one prompt, 16 tokens by default", async () => {
  const generator = new FakeGenerator();
  const body = await answer(appOf(generator), path, { prompt: "Once" }, completionResponse);
  assert.deepEqual(body.choices, [
    { index: 0, text: "Hi!", logprobs: null, finish_reason: "stop", matched_stop: 0 },
  ]);
  assert.deepEqual(body.usage, { prompt_tokens: 4, completion_tokens: 4, total_tokens: 8 });
  assert.equal(generator.only.request.sampling.maxTokens, 16);
  assert.deepEqual([...generator.only.request.promptTokens], [...await generator.encode("Once")]);
});

Deno.test("completions: the default limit shrinks to the context", async () => {
  const generator = new FakeGenerator();
  await answer(appOf(generator), path, { prompt: "x".repeat(90) }, completionResponse);
  assert.equal(generator.only.request.sampling.maxTokens, 10);
});

Deno.test("completions: every form of prompt", async (t) => {
  const cases: [prompt: unknown, texts: string[]][] = [
    ["ab", ["ab"]],
    [[97, 98], ["ab"]],
    [["ab", "c"], ["ab", "c"]],
    [[[97, 98], [99]], ["ab", "c"]],
  ];
  for (const [prompt, texts] of cases) {
    await t.step(JSON.stringify(prompt), async () => {
      const generator = new FakeGenerator();
      const { choices } = await answer(appOf(generator), path, { prompt, echo: true }, completionResponse);
      assert.deepEqual(choices.map(({ text }) => text), texts.map((text) => `${text}Hi!`));
    });
  }
});

Deno.test("completions: prompts times n, prompt-major, each prompt counted once", async () => {
  const generator = new FakeGenerator(({ promptTokens }) => spell(String.fromCharCode(...promptTokens)));
  const body = await answer(appOf(generator), path, { prompt: ["a", "bc"], n: 2 }, completionResponse);
  assert.deepEqual(body.choices.map(({ index, text }) => [index, text]), [[0, "a"], [1, "a"], [2, "bc"], [
    3,
    "bc",
  ]]);
  assert.deepEqual(body.usage, { prompt_tokens: 3, completion_tokens: 2 + 2 + 3 + 3, total_tokens: 13 });
  assert.equal(new Set(generator.seen.map(({ request }) => request.requestId)).size, 4);
});

const logged: Step[] = [
  {
    text: "c",
    tokens: [99],
    promptLogprobs: [{ token: 97, logprob: null, top: [] }, { token: 98, logprob: -1, top: [[98, -1]] }],
    logprobs: [{ token: 99, logprob: -2, top: [[100, -0.5]] }],
  },
  {
    text: "d",
    tokens: [100],
    logprobs: [{ token: 100, logprob: -3, top: [[100, -3]] }],
    finish: { type: "length", length: 2 },
  },
];

Deno.test("completions: echo with logprobs covers the prompt, streamed as whole", async () => {
  const request = { prompt: "ab", echo: true, logprobs: 1 };
  const generator = new FakeGenerator(() => logged);
  const { choices: [whole] } = await answer(appOf(generator), path, request, completionResponse);
  assert.equal(whole?.text, "abcd");
  assert.deepEqual(whole?.logprobs, {
    tokens: ["a", "b", "c", "d"],
    token_logprobs: [null, -1, -2, -3],
    top_logprobs: [null, { b: -1 }, { d: -0.5 }, { d: -3 }],
    text_offset: [0, 1, 2, 3],
  });
  assert.equal(generator.only.request.sampling.promptLogprobStart, 0);
  const chunks = await events(appOf(new FakeGenerator(() => logged)), path, request, completionResponse);
  const parts = chunks.map(({ choices: [choice] }) => choice);
  assert.equal(parts.map((part) => part?.text).join(""), "abcd");
  assert.deepEqual(parts.flatMap((part) => part?.logprobs?.text_offset), [0, 1, 2, 3]);
  assert.deepEqual(parts.flatMap((part) => part?.logprobs?.tokens), ["a", "b", "c", "d"]);
  assert.deepEqual(parts.map((part) => part?.finish_reason), [null, "length"]);
});

Deno.test("completions: without echo no prompt logprobs are asked for", async () => {
  const generator = new FakeGenerator();
  await answer(appOf(generator), path, { prompt: "ab", logprobs: 0 }, completionResponse);
  const { sampling } = generator.only.request;
  assert.deepEqual([sampling.numLogprobs, sampling.promptLogprobStart], [0, -1]);
});

Deno.test("completions: a stream ends each choice once and can end with the usage", async () => {
  const request = { prompt: ["a", "b"], stream_options: { include_usage: true } };
  const chunks = await events(appOf(new FakeGenerator()), path, request, completionResponse);
  const last = chunks.pop();
  assert.deepEqual(last?.choices, []);
  assert.equal(last?.usage?.completion_tokens, 8);
  const finished = chunks.flatMap(({ choices }) => choices).filter((choice) => choice.finish_reason !== null);
  assert.deepEqual(finished.map(({ index }) => index).sort(), [0, 1]);
});

Deno.test("completions: what is wrong or not supported is named", async (t) => {
  const cases: [fields: object, param: string, status?: number][] = [
    [{ prompt: undefined }, "prompt"],
    [{ prompt: "" }, "prompt"],
    [{ prompt: [] }, "prompt"],
    [{ prompt: [[]] }, "prompt"],
    [{ prompt: ["a", 1] }, "prompt"],
    [{ prompt: [-1] }, "prompt"],
    [{ prompt: [1.5] }, "prompt"],
    [{ prompt: [256] }, "prompt"],
    [{ prompt: Array.from({ length: 2000 }, () => "x") }, "prompt"],
    [{ prompt: ["a", "b", "c", "d", "e", "f", "g", "h", "i"], n: 128 }, "n"],
    [{ prompt: "x".repeat(100) }, "prompt"],
    [{ max_tokens: 100 }, "max_tokens"],
    [{ max_tokens: -1 }, "max_tokens"],
    [{ logprobs: "1" }, "logprobs"],
    [{ suffix: "x" }, "suffix"],
    [{ best_of: 2, stream: true }, "best_of"],
    [{ best_of: 129 }, "best_of"],
    [{ prompt: ["a", "b", "c", "d", "e", "f", "g", "h", "i"], best_of: 128 }, "best_of"],
    [{ best_of: 1, n: 2 }, "best_of"],
    [{ model: "gpt-9" }, "model", 404],
    [{ messages: [] }, "messages"],
  ];
  const app = appOf(new FakeGenerator());
  for (const [fields, param, status = 400] of cases) {
    await t.step(JSON.stringify(fields).slice(0, 80), async () => {
      const error = await fault(app, path, { prompt: "x", ...fields });
      assert.equal(error.status, status, error.message);
      assert.equal(error.param, param, error.message);
    });
  }
});

Deno.test("completions: values of other servers' clients mean what they mean there", async (t) => {
  const sampled = async (fields: object) => {
    const generator = new FakeGenerator();
    await answer(appOf(generator), path, { prompt: "ab", ...fields }, completionResponse);
    return generator.only.request;
  };
  await t.step("logprobs as a boolean", async () => {
    assert.equal((await sampled({ logprobs: true })).sampling.numLogprobs, 1);
    assert.equal((await sampled({ logprobs: false })).sampling.numLogprobs, -1);
  });
  await t.step("best_of of n", async () => {
    const generator = new FakeGenerator();
    const { choices } = await answer(
      appOf(generator),
      path,
      { prompt: "a", n: 2, best_of: 2 },
      completionResponse,
    );
    assert.equal(choices.length, 2);
  });
  await t.step("top_p 0 is greedy, top_k 0 is all", async () => {
    const { sampling } = await sampled({ top_p: 0, top_k: 0, temperature: 0.8 });
    assert.deepEqual([sampling.temperature, sampling.topP, sampling.topK], [0, 1, 0]);
  });
  await t.step("include_stop_str_in_output, whatever no_stop_trim is", async () => {
    const fields = { include_stop_str_in_output: true, no_stop_trim: false };
    assert.equal((await sampled(fields)).sampling.noStopTrim, true);
    assert.equal((await sampled({ include_stop_str_in_output: false })).sampling.noStopTrim, false);
  });
  await t.step("request_id is rid", async () => {
    assert.equal((await sampled({ request_id: "mine" })).requestId, "mine");
    assert.equal((await sampled({ request_id: "mine", rid: "yours" })).requestId, "yours");
  });
  await t.step("sampling_seed is seed, and as exact", async () => {
    const body = '{"prompt":"a","sampling_seed":9223372036854775807}';
    const generator = new FakeGenerator();
    await answer(appOf(generator), path, body, completionResponse);
    assert.equal(generator.only.request.sampling.seed, 2n ** 63n - 1n);
    assert.equal((await sampled({ seed: 1, sampling_seed: 2 })).sampling.seed, 1n);
  });
  await t.step("stream_options that ask for nothing", async () => {
    await sampled({ stream: false, stream_options: { include_usage: false, include_obfuscation: false } });
  });
  await t.step("add_special_tokens", async () => {
    class Bos extends FakeGenerator {
      override async encode(text: string, options?: EncodeOptions): Promise<Int32Array> {
        return Int32Array.of(...options?.addSpecialTokens === false ? [] : [1], ...await super.encode(text));
      }
    }
    for (const [add, length] of [[undefined, 3], [true, 3], [false, 2]]) {
      const generator = new Bos();
      await answer(appOf(generator), path, { prompt: "ab", add_special_tokens: add }, completionResponse);
      assert.equal(generator.only.request.promptTokens.length, length);
    }
    const generator = new Bos();
    await answer(appOf(generator), path, { prompt: "" }, completionResponse);
    assert.deepEqual([...generator.only.request.promptTokens], [1]);
  });
});
