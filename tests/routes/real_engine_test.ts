// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * What only a real engine shows: the endpoints over a tiny random model, whose tokens are bytes, parts of characters
 * and special tokens in any order, plain and under speculation.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { completionResponse } from "../../routes/schema/completions.ts";
import { generateResult } from "../../routes/schema/generate.ts";
import { scoreResponse } from "../../routes/native/score.ts";
import { answer, type App, events } from "../support/http.ts";
import { offsetsOf } from "../support/legacy_tokens.ts";
import { plain, testBothWays as test, withApp } from "../support/real_app.ts";

/** Special, but no end token; the tiny tokenizer's `<|im_end|>` is 2 and ends. */
const SPECIAL = { id: 0, text: "<|endoftext|>" };
/** The token of a letter that this model says by turns with the special one, if both are favoured. */
const G = 3 + "g".charCodeAt(0);

const prompt = "the rain in spain stays mainly in the plain, the rain in spain";

function complete(app: App, fields: object) {
  return answer(app, "/v1/completions", { prompt, ...fields }, completionResponse);
}

function generate(app: App, sampling_params: object, fields: object = {}) {
  return answer(app, "/generate", { text: prompt, sampling_params, ...fields }, generateResult);
}

test("the smallest numbers are served, though native code has only 32 bits of them", async (app) => {
  const greedy = await complete(app, { max_tokens: 4, temperature: 0 });
  const smallest = await complete(app, { max_tokens: 4, top_p: Number.MIN_VALUE, seed: 1 });
  assert.equal(smallest.choices[0]?.text, greedy.choices[0]?.text, "no token but the likeliest is left");
  const fields = {
    temperature: Number.MIN_VALUE,
    min_p: Number.MIN_VALUE,
    repetition_penalty: Number.MIN_VALUE,
  };
  assert.equal((await complete(app, { max_tokens: 4, ...fields })).usage?.completion_tokens, 4);
});

test("a limit of 0 tokens scores the prompt and fills the cache", async (app) => {
  const scored = await complete(app, { max_tokens: 0, echo: true, logprobs: 2 });
  const [choice] = scored.choices;
  assert.deepEqual([choice?.text, choice?.finish_reason], [prompt, "length"]);
  assert.equal(scored.usage?.completion_tokens, 0);
  const numPromptTokens = scored.usage!.prompt_tokens;
  assert.equal(choice?.logprobs?.tokens.length, numPromptTokens);

  const one = await complete(app, { max_tokens: 1, temperature: 0, echo: true, logprobs: 2 });
  for (const field of ["tokens", "token_logprobs", "top_logprobs", "text_offset"] as const) {
    assert.deepEqual(
      choice?.logprobs?.[field],
      one.choices[0]?.logprobs?.[field]?.slice(0, numPromptTokens),
      field,
    );
  }
  const streamed = await events(
    app,
    "/v1/completions",
    { prompt, max_tokens: 0, echo: true, logprobs: 2 },
    completionResponse,
  );
  assert.deepEqual(streamed.map(({ choices }) => choices), [scored.choices]);

  const fresh = prompt.toUpperCase();
  const native = await generate(app, { max_new_tokens: 0 }, { text: fresh });
  assert.deepEqual([native.output_ids, native.text], [[], ""]);
  assert.deepEqual(native.meta_info.finish_reason, { type: "length", length: 0 });
  assert.equal(native.meta_info.cached_tokens, 0);
  const again = await answer(
    app,
    "/generate",
    { text: fresh, sampling_params: { max_new_tokens: 0, n: 3 } },
    z.array(generateResult),
  );
  const numCached = Math.floor((native.meta_info.prompt_tokens - 1) / 16) * 16;
  for (const { meta_info: meta } of again) {
    assert.ok(meta.cached_tokens >= numCached - 16 && meta.cached_tokens > 0, `${meta.cached_tokens}`);
    assert.deepEqual([meta.completion_tokens, meta.finish_reason?.type], [0, "length"]);
  }
});

test("seeds that differ in any of 64 bits draw differently, equal ones the same", async (app) => {
  const draw = async (seed: bigint) => {
    const sampling = `{"temperature":1,"max_new_tokens":12,"ignore_eos":true,"sampling_seed":${seed}}`;
    const body = `{"text":${JSON.stringify(prompt)},"sampling_params":${sampling}}`;
    const { output_ids: ids } = await answer(app, "/generate", body, generateResult);
    return ids.join(" ");
  };
  const seeds = [
    0n,
    -1n,
    ...Array.from({ length: 63 }, (_, bit) => 2n ** BigInt(bit)),
    2n ** 63n - 1n,
    -(2n ** 63n),
  ];
  const drawn = new Map<string, bigint>();
  for (const seed of seeds) {
    const ids = await draw(seed);
    assert.ok(!drawn.has(ids), `${seed} draws as ${drawn.get(ids)}`);
    drawn.set(ids, seed);
  }
  assert.equal(drawn.get(await draw(2n ** 63n - 1n)), 2n ** 63n - 1n);
});

test("a stop text that is a special token ends the text, shown or not", async (app) => {
  // Greedy, g is said once, then the special token, by turns.
  const turns = {
    temperature: 0,
    frequency_penalty: 2,
    presence_penalty: 2,
    logit_bias: { [G]: 100, [SPECIAL.id]: 98 },
    max_new_tokens: 9,
  };
  const cases: [stop: string, skip: boolean, noTrim: boolean, text: string, ids: number[]][] = [
    [SPECIAL.text, true, false, "g", [G, SPECIAL.id]],
    [SPECIAL.text, false, false, "g", [G, SPECIAL.id]],
    [SPECIAL.text, true, true, "g", [G, SPECIAL.id]],
    [SPECIAL.text, false, true, `g${SPECIAL.text}`, [G, SPECIAL.id]],
    [`g${SPECIAL.text}`, true, false, "", [G, SPECIAL.id]],
    [`text|>g`, true, false, "g", [G, SPECIAL.id, G]],
    [`text|>g`, false, false, "g<|endof", [G, SPECIAL.id, G]],
    ["gg", true, false, "", [G, SPECIAL.id, G]],
  ];
  for (const [stop, skip_special_tokens, no_stop_trim, text, ids] of cases) {
    const sampling = { ...turns, stop: [stop], skip_special_tokens, no_stop_trim };
    const result = await generate(app, sampling);
    const label = JSON.stringify([stop, skip_special_tokens, no_stop_trim]);
    assert.deepEqual([result.text, result.output_ids], [text, ids], label);
    assert.deepEqual(result.meta_info.finish_reason, { type: "stop", matched: stop }, label);
    const chunks = await events(
      app,
      "/generate",
      { text: prompt, sampling_params: sampling },
      generateResult,
    );
    assert.equal(chunks.at(-1)?.text, text);
    assert.ok(chunks.every((chunk) => text.startsWith(chunk.text)), "no text is taken back");
  }
  const end = { temperature: 0, logit_bias: { 2: 100 }, max_new_tokens: 5 };
  for (const sampling of [end, { ...end, ignore_eos: true }]) {
    const result = await generate(app, { ...sampling, stop: "<|im_end|>" });
    assert.deepEqual([result.text, result.output_ids], ["", [2]]);
    assert.deepEqual(result.meta_info.finish_reason, { type: "stop", matched: "<|im_end|>" });
  }
});

test("legacy logprobs agree with the text, whole and streamed", async (app) => {
  const fields = { max_tokens: 60, logprobs: 5, ignore_eos: true, skip_special_tokens: false };
  let numParts = 0;
  for (let seed = 0; seed < 12; seed++) {
    const echo = seed % 2 === 0;
    // Ends within a character: the echo shows that as U+FFFD.
    const body = {
      ...fields,
      seed,
      echo,
      prompt: [G, SPECIAL.id, 130, G],
      stop: seed % 3 === 0 ? ["t", "\n"] : null,
    };
    const { choices: [whole] } = await answer(app, "/v1/completions", body, completionResponse);
    const { tokens, text_offset, top_logprobs } = whole!.logprobs!;
    const echoed = echo ? 4 : 0;
    const { offsets, numCharacters } = offsetsOf([tokens.slice(0, echoed), tokens.slice(echoed)]);
    const expected = offsets.map((offset) => Math.min(offset, [...whole!.text].length));
    assert.deepEqual(text_offset, expected);
    if (whole!.finish_reason === "length") assert.equal(numCharacters, [...whole!.text].length);
    numParts += tokens.filter((token) => token.startsWith("bytes:")).length;
    assert.ok(
      top_logprobs!.every((top, i) => top === null ? i === 0 && echo : Object.keys(top).length === 5),
    );

    const chunks = await events(app, "/v1/completions", body, completionResponse);
    const parts = chunks.map(({ choices: [choice] }) => choice!);
    assert.equal(parts.map(({ text }) => text).join(""), whole!.text);
    for (const field of ["tokens", "token_logprobs", "top_logprobs", "text_offset"] as const) {
      assert.deepEqual(
        parts.flatMap(({ logprobs }): unknown[] => logprobs![field]!),
        whole!.logprobs![field],
        field,
      );
    }
  }
  assert.ok(numParts > 50, `${numParts} parts of characters`);
});

/** A tokenizer as SentencePiece's are converted: spaces are ▁, one is put before a text and dropped from its start. */
const SENTENCEPIECE = {
  added_tokens: ["<unk>", "<s>", "</s>"].map((content, id) => ({ id, content, special: true })),
  normalizer: {
    type: "Sequence",
    normalizers: [
      { type: "Prepend", prepend: "▁" },
      { type: "Replace", pattern: { String: " " }, content: "▁" },
    ],
  },
  pre_tokenizer: null,
  post_processor: {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { "<s>": { id: "<s>", ids: [1], tokens: ["<s>"] } },
  },
  decoder: {
    type: "Sequence",
    decoders: [
      { type: "Replace", pattern: { String: "▁" }, content: " " },
      { type: "Fuse" },
      { type: "Strip", content: " ", start: 1, stop: 0 },
    ],
  },
  model: {
    type: "BPE",
    unk_token: "<unk>",
    vocab: Object.fromEntries(
      ["<unk>", "<s>", "</s>", "▁", "a", "b", "▁a", "▁b"].map((token, id) => [token, id]),
    ),
    merges: ["▁ a", "▁ b"],
  },
};

Deno.test("real engine: text goes on behind a prompt with its space, by SentencePiece's tokenizers too", () =>
  withApp(plain, async (app) => {
    const fields = { max_tokens: 2, temperature: 0, logit_bias: { 7: 100 }, echo: true, logprobs: 1 };
    for (const given of ["b a", [1, 7, 6]]) {
      const body = { prompt: given, ...fields };
      const { choices: [whole] } = await answer(app, "/v1/completions", body, completionResponse);
      const echo = typeof given === "string" ? "b a" : "<s> b a";
      assert.equal(whole?.text, `${echo} b b`);
      assert.deepEqual(whole?.logprobs?.tokens, ["<s>", " b", " a", " b", " b"]);
      const shift = echo.length - 3;
      assert.deepEqual(whole?.logprobs?.text_offset, shift > 0 ? [0, 3, 5, 7, 9] : [0, 0, 1, 3, 5]);
      const chunks = await events(app, "/v1/completions", body, completionResponse);
      assert.equal(chunks.map(({ choices: [choice] }) => choice?.text).join(""), whole?.text);
    }
    const native = {
      text: "b a",
      sampling_params: { max_new_tokens: 2, temperature: 0, logit_bias: { 7: 100 } },
    };
    assert.equal((await answer(app, "/generate", native, generateResult)).text, " b b");
    // Behind nothing but special tokens this is where the text begins.
    const alone = { input_ids: [1], sampling_params: native.sampling_params };
    assert.equal((await answer(app, "/generate", alone, generateResult)).text, "b b");
  }, { tokenizer: SENTENCEPIECE }));

test("a score is the probability of the next token", async (app) => {
  const { meta_info } = await generate(app, { max_new_tokens: 1, temperature: 0 }, {
    return_logprob: true,
    top_logprobs_num: 20,
  });
  const top = meta_info.output_top_logprobs![0]!.map(([logprob, token]) => ({ logprob: logprob!, token }));
  const { scores, token_logprobs } = await answer(app, "/v1/score", {
    query: prompt.slice(0, 20),
    items: [prompt.slice(20), prompt.slice(20)],
    label_token_ids: top.map(({ token }) => token),
    return_token_logprobs: true,
  }, scoreResponse);
  assert.deepEqual(token_logprobs![0], token_logprobs![1]);
  // They may differ in the last bit of 32, by the order of subtractions.
  top.forEach(({ logprob }, i) => assert.ok(Math.abs(token_logprobs![0]![i]! - logprob) < 1e-6));
  assert.deepEqual(scores[0], token_logprobs![0]!.map((logprob) => Math.exp(logprob)));
});
