/**
 * How a checkpoint says to pool hidden states, and what is refused of it.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { dirname, join } from "node:path";
import type { EmbeddingConfig } from "../../../runtime/contracts/hidden_states.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import type { GgufField } from "../../support/gguf_writer.ts";
import { writeTinyModel } from "../../support/tiny_model.ts";

async function embeddingOf(
  options: Partial<Parameters<typeof writeTinyModel>[1]>,
  files: Readonly<Record<string, unknown>> = {},
): Promise<EmbeddingConfig | undefined> {
  const folder = await Deno.makeTempDir();
  try {
    const model = await writeTinyModel(folder, { kind: "safetensors", seed: 1, ...options });
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, name);
      await Deno.mkdir(dirname(path), { recursive: true });
      const before = name === "config.json" ? JSON.parse(await Deno.readTextFile(path)) : undefined;
      const after = before ? { ...before, ...content as object } : content;
      await Deno.writeTextFile(path, JSON.stringify(after));
    }
    return (await openCheckpoint(await resolveModel(model))).checkpoint.embedding;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const TRANSFORMER = { idx: 0, path: "", type: "sentence_transformers.models.Transformer" };
const POOLING = { idx: 1, path: "1_Pooling", type: "sentence_transformers.models.Pooling" };
const NORMALIZE = { idx: 2, path: "2_Normalize", type: "sentence_transformers.models.Normalize" };
const DENSE = { idx: 2, path: "2_Dense", type: "sentence_transformers.models.Dense" };

const ofModules = (pooling: object, modules: readonly object[] = [TRANSFORMER, POOLING, NORMALIZE]) =>
  embeddingOf({}, { "modules.json": modules, "1_Pooling/config.json": pooling });

Deno.test("embeddings: sentence-transformers' files say how hidden states are pooled", async () => {
  assert.equal(await embeddingOf({}), undefined);
  const older = (name: string) => ({
    "word_embedding_dimension": 64,
    "pooling_mode_cls_token": false,
    "pooling_mode_mean_tokens": false,
    "pooling_mode_lasttoken": false,
    "include_prompt": true,
    [name]: true,
  });
  const kinds = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_lasttoken": "last",
  };
  for (const [name, pooling] of Object.entries(kinds)) {
    assert.deepEqual(await ofModules(older(name)), { pooling, isNormalised: true });
  }
  const bare = await ofModules({ "pooling_mode": "mean" }, [TRANSFORMER, POOLING]);
  assert.deepEqual(bare, { pooling: "mean", isNormalised: false });
});

Deno.test("embeddings: a GGUF file says it by a number", async () => {
  const ofGguf = (fields: Readonly<Record<string, GgufField>>) =>
    embeddingOf({ kind: "gguf", ggufFields: fields });
  const poolings = [undefined, "mean", "cls", "last"];
  for (const [value, pooling] of poolings.entries()) {
    const embedding = await ofGguf({ "llama.pooling_type": { type: "u32", value } });
    assert.deepEqual(embedding, pooling && { pooling, isNormalised: true });
  }
  await assert.rejects(
    ofGguf({ "llama.attention.causal": { type: "bool", value: false } }),
    /llama.attention.causal is false/,
  );
});

Deno.test("embeddings: what is not served is refused by name when the model is loaded", async () => {
  const mean = { "pooling_mode_mean_tokens": true };
  const cases: [() => Promise<unknown>, RegExp][] = [
    [
      () => ofModules({ "pooling_mode_max_tokens": true }),
      /1_Pooling\/config.json: it pools by max_tokens, expected/,
    ],
    [() => ofModules({ ...mean, "pooling_mode_cls_token": true }), /it pools by mean_tokens and cls_token/],
    [() => ofModules(mean, [TRANSFORMER, POOLING, DENSE]), /modules.json: a module is Dense/],
    [() => ofModules(mean, [TRANSFORMER]), /modules.json: there is no module Pooling/],
    [() => embeddingOf({}, { "config.json": { "is_causal": false } }), /config.json: is_causal is false/],
    [
      () => embeddingOf({}, { "config.json": { "use_bidirectional_attention": true } }),
      /config.json: use_bidirectional_attention is true/,
    ],
    [
      () => embeddingOf({}, { "config.json": { architectures: ["BertModel"] } }),
      /architectures is "BertModel"/,
    ],
  ];
  for (const [load, message] of cases) await assert.rejects(load, { name: "LoadError", message });
});
