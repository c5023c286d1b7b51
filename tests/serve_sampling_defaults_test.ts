// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Whose sampling parameters a request gets that leaves them out, by the real server over sockets.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { ServerProcess } from "./support/server_process.ts";
import { writeTinyModel } from "./support/tiny_model.ts";

/** Texts of endpoints by seed: one if the draw is greedy, many if it is not. */
async function textsOf(
  server: ServerProcess,
  fields: object,
): Promise<{ texts: Set<string>[]; info: object }> {
  const post = async (path: string, body: object) => {
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 200);
    return await response.json();
  };
  const chat = new Set<string>(), completions = new Set<string>(), native = new Set<string>();
  const limit = { max_tokens: 12, ignore_eos: true, ...fields };
  for (const seed of [1, 2, 3, 4]) {
    const messages = [{ role: "user", content: "test" }];
    const [a, b, c] = await Promise.all([
      post("/v1/chat/completions", { messages, seed, ...limit }),
      post("/v1/completions", { prompt: "test", seed, ...limit }),
      post("/generate", {
        text: "test",
        sampling_params: { max_new_tokens: 12, ignore_eos: true, sampling_seed: seed, ...fields },
      }),
    ]);
    chat.add(a.choices[0].message.content);
    completions.add(b.choices[0].text);
    native.add(c.text);
  }
  const info = await (await fetch(`${server.url}/get_server_info`)).json();
  return { texts: [chat, completions, native], info };
}

Deno.test("serve: requests sample as the model recommends, unless they or --sampling-defaults say otherwise", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const config = { numHeads: 4, numKvHeads: 2, headDim: 32 };
    const model = await writeTinyModel(folder, { kind: "safetensors", seed: 1, config });
    await Deno.writeTextFile(
      join(model, "generation_config.json"),
      JSON.stringify({ eos_token_id: [2], temperature: 2, top_k: 1 }),
    );
    const sizes = (texts: readonly Set<string>[]) => texts.map(({ size }) => size > 1);
    {
      await using server = await ServerProcess.start(["--model-path", model]);
      const left = await textsOf(server, {});
      assert.deepEqual(sizes(left.texts), [false, false, false]);
      assert.deepEqual(
        (left.info as { default_sampling_params: object }).default_sampling_params,
        { temperature: 2, top_k: 1 },
      );
      assert.equal((left.info as { sampling_defaults: string }).sampling_defaults, "model");
      assert.deepEqual(sizes((await textsOf(server, { top_k: null })).texts), [false, false, false]);
      assert.deepEqual(sizes((await textsOf(server, { top_k: -1 })).texts), [true, true, true]);
    }
    await using server = await ServerProcess.start(["--model-path", model, "--sampling-defaults", "openai"]);
    const { texts, info } = await textsOf(server, {});
    assert.deepEqual(sizes(texts), [true, true, true]);
    assert.deepEqual((info as { default_sampling_params: object }).default_sampling_params, {});
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
