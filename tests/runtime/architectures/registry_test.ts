/**
 * What holds for every architecture of the registry: it has a model, its descriptor is whole, and a checkpoint of it
 * opens and runs, from either kind of file alike.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { ARCHITECTURES } from "../../../runtime/architectures/registry.ts";
import type { GgufField } from "../../support/gguf_writer.ts";
import { MODELS } from "../../../runtime/models/registry.ts";
import { ModelRunner, verifierConfig, withTinyCheckpoint } from "../../support/models.ts";
import { ALL_ISAS } from "../../support/native.ts";

const f32 = (value: number): GgufField => ({ type: "f32", value });

/** Metadata that say what transformers takes where config.json says nothing. */
const GGUF_FIELDS: Readonly<Record<string, Readonly<Record<string, GgufField>>>> = {
  Gemma2ForCausalLM: {
    "gemma2.attention.scale": f32(1 / 16),
    "gemma2.attn_logit_softcapping": f32(0),
    "gemma2.final_logit_softcapping": f32(0),
  },
  Gemma3ForCausalLM: {
    "gemma3.attention.scale": f32(1 / 16),
    "gemma3.attention.sliding_window": { type: "u32", value: 4096 },
    "gemma3.rope.scaling.type": { type: "string", value: "none" },
  },
  GraniteForCausalLM: { "granite.attention.scale": f32(1), "granite.logit_scale": f32(1) },
};

Deno.test("architectures: each has a model, and every model an architecture", () => {
  assert.deepEqual(new Set(MODELS.keys()), new Set(ARCHITECTURES));
});

Deno.test("architectures: no name stands for two", () => {
  const names = ARCHITECTURES.map(({ name }) => name);
  const ggufNames = ARCHITECTURES.flatMap(({ gguf }) =>
    gguf === undefined ? [] : [`${gguf.architecture} ${gguf.hasExperts ?? false}`]
  );
  assert.equal(new Set(names).size, names.length);
  assert.equal(new Set(ggufNames).size, ggufNames.length);
});

Deno.test("biases are the same from safetensors and, of interleaved matrices, from GGUF", async () => {
  const config = { architecture: "LlamaForCausalLM", attentionBias: true, mlpBias: true };
  const logits = (kind: "gguf" | "safetensors") =>
    withTinyCheckpoint({ kind, seed: 12, config }, (checkpoint) => {
      assert.ok(checkpoint.config.attentionBias && checkpoint.config.mlpBias);
      using runner = new ModelRunner(verifierConfig(checkpoint), ALL_ISAS[0]!);
      return runner.forward([{ tokens: Int32Array.of(5, 17, 250), start: 0, pages: Int32Array.of(0) }]);
    });
  assert.deepEqual(await logits("gguf"), await logits("safetensors"));
});

for (const { name, tensors, gguf } of ARCHITECTURES) {
  Deno.test(`${name}: what the descriptor names is in its table`, () => {
    const top = [...tensors.input, ...tensors.output].map(({ name }) => name);
    const layer = tensors.layer.map(({ name }) => name);
    for (const list of [top, layer]) assert.equal(new Set(list).size, list.length);
    assert.ok(top.includes(tensors.embedding) && top.includes(tensors.lmHead));
    for (const part of gguf?.interleaved ?? []) assert.ok(layer.includes(part), part);
  });

  Deno.test(`${name}: safetensors and GGUF of one model give the same logits`, async () => {
    const options = { config: { architecture: name }, ggufFields: GGUF_FIELDS[name] ?? {} };
    const logits = (kind: "gguf" | "safetensors") =>
      withTinyCheckpoint({ kind, seed: 11, ...options }, (checkpoint) => {
        assert.equal(checkpoint.config.architecture, name);
        using runner = new ModelRunner(verifierConfig(checkpoint), ALL_ISAS[0]!);
        return runner.forward([{ tokens: Int32Array.of(5, 17, 250), start: 0, pages: Int32Array.of(0) }]);
      });
    const expected = await logits("safetensors");
    assert.equal(expected.length, 3);
    if (gguf !== undefined) assert.deepEqual(await logits("gguf"), expected);
  });
}
