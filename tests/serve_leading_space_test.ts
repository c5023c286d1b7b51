// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * The space that SentencePiece writes before words, by the real server over sockets: it belongs to the text wherever
 * something stands before it. The tokenizer is the case `sentencepiece_leading_space` of issue 22.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { ServerProcess } from "./support/server_process.ts";
import { writeTinyModel } from "./support/tiny_model.ts";

/** ` than`; a bias makes the random model say nothing else. */
const THAN = 603;
const chosen = { temperature: 0, logit_bias: { [THAN]: 100 } };
const TEMPLATE = "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}" +
  "{{ '[INST] ' + m.content|trim + ' [/INST]' }}{% else %}{{ ' ' + m.content + ' ' + eos_token }}" +
  "{% endif %}{% endfor %}";

async function writeModel(folder: string): Promise<string> {
  const tokenizer = new URL("golden/sentencepiece_tokenizer.json", import.meta.url);
  const model = await writeTinyModel(folder, {
    kind: "safetensors",
    seed: 1,
    config: { vocabSize: 960, eosTokenIds: [2], numHeads: 2, headDim: 32 },
  });
  await Deno.copyFile(tokenizer, join(model, "tokenizer.json"));
  const config = { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>", chat_template: TEMPLATE };
  await Deno.writeTextFile(join(model, "tokenizer_config.json"), JSON.stringify(config));
  return model;
}

Deno.test("serve: a leading space belongs to the text where something stands before it", async (t) => {
  const folder = await Deno.makeTempDir();
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  const server = cleanup.use(await ServerProcess.start(["--model-path", await writeModel(folder)]));
  const post = async (path: string, body: object) => {
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 200);
    return await response.text();
  };
  const complete = async (body: object) =>
    JSON.parse(await post("/v1/completions", { max_tokens: 2, ...chosen, ...body })).choices[0];
  const events = async (path: string, body: object) =>
    (await post(path, { stream: true, ...body })).split("\n\n").filter((event) => event.startsWith("data: {"))
      .map((event) => JSON.parse(event.slice("data: ".length)));
  const prompt = "the server";
  const native = { text: prompt, sampling_params: { max_new_tokens: 2, ...chosen } };

  await t.step("in an echo with its log-probabilities", async () => {
    const { text, logprobs } = await complete({ prompt, echo: true, logprobs: 1 });
    assert.equal(text, "the server than than");
    assert.deepEqual(logprobs.tokens, ["<s>", " the s", "er", "ver", " than", " than"]);
    assert.deepEqual(logprobs.text_offset, [0, 0, 5, 7, 10, 15]);
    assert.deepEqual(Object.keys(logprobs.top_logprobs[4]), [" than"]);
  });

  await t.step("in answers, whole and as they come", async () => {
    assert.equal((await complete({ prompt })).text, " than than");
    const chunks = await events("/v1/completions", { prompt, max_tokens: 2, ...chosen });
    assert.deepEqual(chunks.map(({ choices }) => choices[0].text), [" than", " than"]);
    assert.equal(JSON.parse(await post("/generate", native)).text, " than than");
    assert.equal((await events("/generate", native)).at(-1).text, " than than");
  });

  await t.step("in chats, and behind a message that is continued", async () => {
    const chat = async (...messages: object[]) => {
      const body = { messages, max_tokens: 2, logprobs: true, ...chosen };
      const continued = messages.length > 1 && { continue_final_message: true, add_generation_prompt: false };
      return JSON.parse(await post("/v1/chat/completions", { ...body, ...continued })).choices[0];
    };
    const user = { role: "user", content: "hi" };
    for (const messages of [[user], [user, { role: "assistant", content: prompt }]]) {
      const { message, logprobs } = await chat(...messages);
      assert.equal(message.content, " than than");
      assert.deepEqual(logprobs.content.map(({ token }: { token: string }) => token), [" than", " than"]);
    }
  });

  await t.step("in stop texts", async () => {
    const stopped = async (stop: string) => {
      const { text, matched_stop } = await complete({ prompt, stop, max_tokens: 3 });
      return [text, matched_stop];
    };
    assert.deepEqual(await stopped(" than"), ["", " than"]);
    assert.deepEqual(await stopped("than than"), [" ", "than than"]);
    assert.deepEqual(await stopped("n t"), [" tha", "n t"]);
  });

  await t.step("but not where the text begins with it", async () => {
    for (const ids of [[1], [1, 1]]) assert.equal((await complete({ prompt: ids })).text, "than than");
    const { text, logprobs } = await complete({ prompt: [1], logprobs: 0, stop: "n t" });
    assert.deepEqual([text, logprobs.tokens, logprobs.text_offset], ["tha", [" than", " than"], [0, 3]]);
    assert.equal((await complete({ prompt: [1], skip_special_tokens: false })).text, " than than");
  });
});
