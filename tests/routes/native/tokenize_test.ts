// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { detokenizeResponse, tokenizeResponse, tokenizerInfo } from "../../../routes/schema/tokenize.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { answer, appOf, fault } from "../../support/http.ts";

const codes = (text: string) => [...text].map((char) => char.charCodeAt(0));

Deno.test("tokenize: SGLang's and vLLM's bodies, under both paths", async () => {
  const app = appOf(new FakeGenerator());
  for (const path of ["/tokenize", "/v1/tokenize"]) {
    assert.deepEqual(await answer(app, path, { prompt: "Hi" }, tokenizeResponse), {
      tokens: codes("Hi"),
      count: 2,
      max_model_len: 100,
    });
    assert.deepEqual(await answer(app, path, { prompt: ["a", "", "bc"] }, tokenizeResponse), {
      tokens: [codes("a"), [], codes("bc")],
      count: [1, 0, 2],
      max_model_len: 100,
    });
    const body = { model: "org/tiny", prompt: "Hi", add_special_tokens: false, return_token_strs: true };
    assert.deepEqual((await answer(app, path, body, tokenizeResponse)).token_strs, ["<H>", "<i>"]);
  }
});

Deno.test("tokenize: a conversation is rendered as it is for an answer", async () => {
  const generator = new FakeGenerator();
  const app = appOf(generator);
  const messages = [{ role: "user", content: "Hi" }, { role: "assistant", content: "Oh" }];
  const asked = { messages, add_generation_prompt: true, chat_template_kwargs: null };
  const { tokens } = await answer(app, "/tokenize", asked, tokenizeResponse);
  assert.deepEqual(tokens, codes("user:Hi|assistant:Oh|assistant:"));
  const continued = { messages, continue_final_message: true };
  const { count } = await answer(app, "/tokenize", continued, tokenizeResponse);
  assert.equal(count, "user:Hi|assistant:Oh".length);
  const given = { messages, add_generation_prompt: false, chat_template_kwargs: { tone: "dry" } };
  await answer(app, "/tokenize", given, tokenizeResponse);
  assert.deepEqual(generator.rendered.at(-1)?.options, {
    addGenerationPrompt: false,
    variables: { tone: "dry" },
  });
});

Deno.test("tokenize: null and an empty text name no model", async () => {
  const app = appOf(new FakeGenerator());
  for (const model of [null, ""]) {
    assert.equal((await answer(app, "/tokenize", { model, prompt: "Hi" }, tokenizeResponse)).count, 2);
    const { text } = await answer(app, "/detokenize", { model, tokens: codes("Hi") }, detokenizeResponse);
    assert.equal(text, "Hi");
  }
});

Deno.test("tokenize: what is unclear or not served is refused by name", async () => {
  const app = appOf(new FakeGenerator());
  const messages = [{ role: "user", content: "Hi" }];
  const cases: [body: object, param: string][] = [
    [{}, "prompt"],
    [{ prompt: "a", messages }, "messages"],
    [{ messages, add_special_tokens: true }, "add_special_tokens"],
    [{ messages, tools: [{ type: "function" }] }, "tools"],
    [{ prompt: 3 }, "prompt"],
    [{ prompt: "a", model: "other" }, "model"],
  ];
  for (const [body, param] of cases) assert.equal((await fault(app, "/tokenize", body)).param, param);
});

Deno.test("detokenize: each engine's field, with its default about special tokens", async () => {
  const app = appOf(new FakeGenerator());
  const tokens = [...codes("Hi"), 0];
  for (const path of ["/detokenize", "/v1/detokenize"]) {
    assert.deepEqual(await answer(app, path, { tokens }, detokenizeResponse), { text: "Hi", prompt: "Hi\0" });
    for (const [skip_special_tokens, text] of [[true, "Hi"], [false, "Hi\0"]] as const) {
      const body = { tokens, skip_special_tokens };
      assert.deepEqual(await answer(app, path, body, detokenizeResponse), { text, prompt: text });
    }
    assert.deepEqual(await answer(app, path, { tokens: [tokens, []] }, detokenizeResponse), {
      text: ["Hi", ""],
      prompt: ["Hi\0", ""],
    });
    assert.deepEqual(await answer(app, path, { tokens: [] }, detokenizeResponse), { text: "", prompt: "" });
  }
  for (const bad of [[256], [-1], [0.5], ["a"], [[1], 2], "Hi"]) {
    assert.equal((await fault(app, "/detokenize", { tokens: bad })).param?.slice(0, 6), "tokens");
  }
});

Deno.test("tokenize: /tokenizer_info is what remote tokenizers ask for", async () => {
  const info = tokenizerInfo.parse(
    await (await appOf(new FakeGenerator()).request("/tokenizer_info")).json(),
  );
  assert.deepEqual([info.bos_token, info.eos_token, info.pad_token], ["<s>", "</s>", null]);
  assert.deepEqual([info.chat_template, info.model_max_length], ["{{ messages }}", 100]);
});
