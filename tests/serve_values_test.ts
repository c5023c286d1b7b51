// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Values at the edges of the API, by the real server on the real model with a draft head, over sockets.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import OpenAI from "openai";
import { eagle3Flags, needsModel } from "./support/model_file.ts";
import { ServerProcess } from "./support/server_process.ts";

const { ignore, path: modelPath } = needsModel();
const model = "smol";
const flags = ["--model-path", modelPath, "--served-model-name", model];
/** `<|im_end|>` ends the model's turns, `<|im_start|>` is special and ends nothing. */
const IM_START = 1, IM_END = 2;

function clientOf(server: ServerProcess): OpenAI {
  return new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
}

/** Posts JSON as it is written. */
async function post(server: ServerProcess, path: string, body: string) {
  const response = await fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body,
  });
  return { status: response.status, ...await response.json() };
}

Deno.test({ name: "serve: right values at the edges, under speculation", ignore }, async (t) => {
  await using server = await ServerProcess.start([...flags, ...eagle3Flags(3), "--context-length", "512"]);
  const client = clientOf(server);

  await t.step("0 tokens score the prompt", async () => {
    const prompt = "Once upon a time there was a lighthouse.";
    const scored = await client.completions.create({ model, prompt, echo: true, logprobs: 2, max_tokens: 0 });
    const whole = await client.completions.create({
      model,
      prompt,
      echo: true,
      logprobs: 2,
      max_tokens: 8,
      temperature: 0,
    });
    const { logprobs, text, finish_reason } = scored.choices[0]!;
    assert.deepEqual([text, finish_reason, scored.usage?.completion_tokens], [prompt, "length", 0]);
    const numPromptTokens = scored.usage!.prompt_tokens;
    assert.equal(logprobs?.token_logprobs?.length, numPromptTokens);
    assert.deepEqual(
      logprobs?.token_logprobs,
      whole.choices[0]?.logprobs?.token_logprobs?.slice(0, numPromptTokens),
    );
    const body = {
      text: prompt,
      sampling_params: { max_new_tokens: 0 },
      return_logprob: true,
      logprob_start_len: 0,
    };
    const { meta_info: meta, output_ids: ids } = await post(server, "/generate", JSON.stringify(body));
    assert.deepEqual([ids, meta.finish_reason, meta.input_token_logprobs.length], [
      [],
      { type: "length", length: 0 },
      numPromptTokens,
    ]);
  });

  await t.step("seeds of 64 bits", async () => {
    const say = async (seed: string) => {
      const body = `{"model":"${model}","prompt":"Once","max_tokens":16,"temperature":1,"seed":${seed}}`;
      return (await post(server, "/v1/completions", body)).choices[0].text;
    };
    const seeds = ["9223372036854775807", "9223372036854775806", "-9223372036854775808", "-1", "4294967295"];
    const texts = [];
    for (const seed of seeds) texts.push(await say(seed));
    assert.equal(new Set(texts).size, seeds.length, JSON.stringify(texts));
    assert.equal(await say(seeds[0]!), texts[0]);
  });

  await t.step("stop texts that are special tokens", async () => {
    for (const [id, stop] of [[IM_START, "<|im_start|>"], [IM_END, "<|im_end|>"]] as const) {
      const { choices } = await client.chat.completions.create({
        model,
        messages: [{ role: "user", content: "Hello" }],
        max_tokens: 8,
        temperature: 0,
        logit_bias: { [id]: 100 },
        stop: [stop],
      });
      const { message, finish_reason, ...extras } = choices[0]!;
      assert.deepEqual([message.content, finish_reason], ["", "stop"]);
      assert.equal((extras as { matched_stop?: unknown }).matched_stop, stop);
    }
  });

  await t.step("errors have OpenAI's types and codes", async () => {
    const long = [{ role: "user" as const, content: "lighthouse ".repeat(600) }];
    await assert.rejects(
      client.chat.completions.create({ model, messages: long }),
      (error) =>
        error instanceof OpenAI.BadRequestError && error.type === "invalid_request_error" &&
        error.code === "context_length_exceeded",
    );
    await assert.rejects(
      client.completions.create({ model: "other", prompt: "Hi" }),
      (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found",
    );
    const tooMany = await post(
      server,
      "/generate",
      '{"text":"Hi","sampling_params":{"max_new_tokens":9000}}',
    );
    assert.deepEqual([tooMany.status, tooMany.code, tooMany.error.code], [
      400,
      400,
      "context_length_exceeded",
    ]);
  });

  await t.step("an abort of all with SGLang's defaults", async () => {
    const body = { prompt: "Once", model, max_tokens: 500, ignore_eos: true };
    const running = post(server, "/v1/completions", JSON.stringify(body));
    let aborted = 0;
    while (aborted === 0) {
      const abort = '{"rid":"","abort_all":true,"finished_reason":null,"abort_message":"Enough"}';
      aborted = (await post(server, "/abort_request", abort)).num_aborted;
    }
    const { status, error } = await running;
    assert.deepEqual([status, error.code], [499, "request_aborted"], "OpenAI has no such finish reason");
    assert.equal(error.message, "Cannot finish request: Enough");
  });
});

Deno.test({ name: "serve: --allow-auto-truncate cuts what exceeds the context", ignore }, async () => {
  await using server = await ServerProcess.start([
    ...flags,
    "--context-length",
    "64",
    "--allow-auto-truncate",
  ]);
  const text = "lighthouse ".repeat(100);
  const long = await post(
    server,
    "/generate",
    JSON.stringify({ text, sampling_params: { max_new_tokens: 99 } }),
  );
  assert.deepEqual([long.meta_info.prompt_tokens, long.meta_info.completion_tokens], [63, 1]);
  const { usage } = await clientOf(server).completions.create({ model, prompt: "Hi", max_tokens: 999 });
  assert.equal(usage!.prompt_tokens + usage!.completion_tokens <= 64, true);
});
