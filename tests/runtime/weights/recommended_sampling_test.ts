/**
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import type { SamplingDefaults } from "../../../runtime/contracts/sampling_params.ts";
import { samplingDefaults } from "../../../runtime/engine/sampling_defaults.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import type { GgufField } from "../../support/gguf_writer.ts";
import { writeTinyModel } from "../../support/tiny_model.ts";

async function inTempDir<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await Deno.makeTempDir();
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function defaultsOf(model: string): Promise<SamplingDefaults> {
  return samplingDefaults((await openCheckpoint(await resolveModel(model))).checkpoint);
}

const ofConfig = (config: object) =>
  inTempDir(async (folder) => {
    const model = await writeTinyModel(folder, { kind: "safetensors", seed: 1 });
    await Deno.writeTextFile(join(model, "generation_config.json"), JSON.stringify(config));
    return await defaultsOf(model);
  });

const ofGguf = (ggufFields: Readonly<Record<string, GgufField>>) =>
  inTempDir(async (folder) =>
    defaultsOf(await writeTinyModel(folder, { kind: "gguf", seed: 1, ggufFields }))
  );

Deno.test("recommended sampling: generation_config.json says what requests leave out", async () => {
  const config = { "eos_token_id": [2], "do_sample": false, temperature: 0.6, "top_k": 20, "top_p": 0.95 };
  assert.deepEqual(await ofConfig(config), { temperature: 0.6, topK: 20, topP: 0.95 });
  assert.deepEqual(
    await ofConfig({ temperature: null, "top_k": 0, "min_p": 0.1, "repetition_penalty": 1.1 }),
    { topK: 0, minP: 0.1, repetitionPenalty: 1.1 },
  );
  assert.deepEqual(await ofConfig({}), {});
});

Deno.test("recommended sampling: GGUF files say it under keys of their own", async () => {
  const f32 = (value: number): GgufField => ({ type: "f32", value });
  assert.deepEqual(
    await ofGguf({
      "general.sampling.temp": f32(0.5),
      "general.sampling.top_k": { type: "i32", value: 40 },
      "general.sampling.top_p": f32(0.75),
      "general.sampling.min_p": f32(0.125),
      "general.sampling.penalty_repeat": f32(1.25),
    }),
    { temperature: 0.5, topK: 40, topP: 0.75, minP: 0.125, repetitionPenalty: 1.25 },
  );
  assert.deepEqual(await ofGguf({}), {});
});

Deno.test("recommended sampling: what no request may have is refused by name", async () => {
  const cases: [object, RegExp][] = [
    [{ temperature: -1 }, /generation_config\.json: temperature is -1, expected/],
    [{ "top_p": "high" }, /top_p is "high"/],
    [{ "top_k": 1.5 }, /top_k is 1\.5/],
    [{ "repetition_penalty": 0 }, /repetition_penalty is 0/],
  ];
  for (const [config, message] of cases) {
    await assert.rejects(
      ofConfig(config),
      (error: Error) => error instanceof LoadError && message.test(error.message),
    );
  }
});
