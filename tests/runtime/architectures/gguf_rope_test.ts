/**
 * Rotary positions in GGUF files: keys and tensors with the meaning they have in llama.cpp.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { readGgufRope } from "../../../runtime/architectures/gguf_rope.ts";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import type { RopeConfig } from "../../../runtime/contracts/rope_config.ts";
import { readGguf } from "../../../runtime/tensor_files/gguf.ts";
import { GgufMetadata } from "../../../runtime/tensor_files/gguf_metadata.ts";
import { GGML_TYPE, ggufBytes, type GgufField, type GgufTensorData } from "../../support/gguf_writer.ts";

const HEAD_DIM = 32, LENGTH = 512;

/** Fields below `llama.rope`: text, numbers, or numbers of 32 bits in a list. */
type Keys = Readonly<Record<string, string | number | readonly number[]>>;

function field(value: Keys[string]): GgufField {
  if (typeof value === "string") return { type: "string", value };
  return typeof value === "number" ? { type: "f32", value } : { type: "i32s", value };
}

/** The rotary positions of a file with these keys and these vectors. */
async function ropeOf(
  keys: Keys,
  vectors: Readonly<Record<string, readonly number[]>> = {},
): Promise<RopeConfig> {
  const folder = await Deno.makeTempDir();
  try {
    const fields = new Map<string, GgufField>([["llama.context_length", { type: "u32", value: LENGTH }]]);
    for (const [name, value] of Object.entries(keys)) fields.set(`llama.rope.${name}`, field(value));
    const tensors = Object.entries(vectors).map(([name, numbers]): GgufTensorData => ({
      name: `${name}.weight`,
      dims: [numbers.length],
      type: GGML_TYPE.F32,
      bytes: new Uint8Array(Float32Array.from(numbers).buffer),
    }));
    const path = join(folder, "rope.gguf");
    await Deno.writeFile(path, ggufBytes(fields, tensors));
    return readGgufRope(new GgufMetadata(readGguf(path)), "llama", HEAD_DIM);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const powers = (base: number) => Array.from({ length: 16 }, (_, i) => base + i / 4);
const linear = (factor: number) => ({ type: "linear", factor }) as const;

Deno.test("GGUF rope: kinds, and what a key means without the others", async () => {
  const cases: readonly (readonly [keys: Keys, scaling: RopeConfig["scaling"]])[] = [
    [{}, undefined],
    [{ "scaling.factor": 4 }, linear(4)],
    [{ "scale_linear": 4 }, linear(4)],
    [{ "scaling.type": "linear", "scaling.factor": 2, "scale_linear": 4 }, linear(2)],
    [{ "scaling.type": "none", "scaling.factor": 4 }, undefined],
    [{ "scaling.factor": 0 }, undefined],
    [{ "scaling.type": "longrope" }, undefined],
    [{ "scaling.attn_factor": 1.5 }, { ...linear(1), attentionFactor: 1.5 }],
    [{ "scaling.finetuned": 0 }, undefined],
  ];
  for (const [keys, scaling] of cases) {
    const { theta, rotaryDim, scaling: found } = await ropeOf(keys);
    assert.deepEqual([theta, rotaryDim, found], [10000, HEAD_DIM, scaling], JSON.stringify(keys));
  }
  const partial = await ropeOf({ "dimension_count": 16, "freq_base": 500 });
  assert.deepEqual(partial, { theta: 500, rotaryDim: 16 });
});

Deno.test("GGUF rope: yarn by its own length, or the model's, and the factors of attention", async () => {
  const yarn = async (keys: Keys) => {
    const { scaling } = await ropeOf({ "scaling.type": "yarn", "scaling.factor": 8, ...keys });
    assert.ok(scaling?.type === "yarn");
    return scaling;
  };
  const { attentionFactor: usual, ...settings } = await yarn({});
  assert.deepEqual(settings, {
    type: "yarn",
    factor: 8,
    originalMaxPositionEmbeddings: LENGTH,
    betaFast: 32,
    betaSlow: 1,
    truncate: true,
  });
  const near = (value: number, expected: number) => assert.ok(Math.abs(value - expected) < 1e-6, `${value}`);
  near(usual, 1 + 0.1 * Math.log(8));
  const stated = await yarn({
    "scaling.original_context_length": 128,
    "scaling.yarn_beta_fast": 16,
    "scaling.yarn_beta_slow": 2,
    "scaling.yarn_log_multiplier": 0.5,
    "scaling.attn_factor": 2,
  });
  assert.deepEqual([stated.originalMaxPositionEmbeddings, stated.betaFast, stated.betaSlow], [128, 16, 2]);
  near(stated.attentionFactor, 2 * (1 + 0.1 * Math.log(8)) / (1 + 0.05 * Math.log(8)));
  near((await yarn({ "scaling.yarn_attn_factor": 1.25 })).attentionFactor, 1.25);
});

Deno.test("GGUF rope: divisors are tensors, of a file's factor too", async () => {
  assert.deepEqual((await ropeOf({}, { "rope_freqs": powers(1) })).scaling, {
    type: "divisors",
    divisors: powers(1),
  });
  const both = { "rope_factors_short": powers(1), "rope_factors_long": powers(2) };
  const { scaling } = await ropeOf(
    { "scaling.factor": 2, "scaling.original_context_length": 64, "scaling.attn_factor": 1.25 },
    both,
  );
  assert.deepEqual(scaling, {
    type: "longrope",
    shortFactors: powers(1).map((divisor) => 2 * divisor),
    longFactors: powers(2).map((divisor) => 2 * divisor),
    originalMaxPositionEmbeddings: 64,
    attentionFactor: 1.25,
  });
});

Deno.test("GGUF rope: what no model here computes is refused by name", async () => {
  const cases: readonly (readonly [keys: Keys, message: RegExp, vectors?: Record<string, number[]>])[] = [
    [{ "scaling.type": "dynamic" }, /llama\.rope\.scaling\.type is dynamic, expected one of linear, none/],
    [{ "scaling.alpha": 1000 }, /llama\.rope\.scaling\.alpha is 1000, expected 0/],
    [{ "dimension_count_swa": 16 }, /llama\.rope\.dimension_count_swa is 16, expected 32/],
    [{ "dimension_sections": [8, 4, 4, 0] }, /llama\.rope\.dimension_sections is \[8, 4, 4, 0\]/],
    [{ "scaling.type": "yarn", "scaling.yarn_ext_factor": 0.5 }, /yarn_ext_factor is 0\.5, expected 1/],
    [{ "scaling.factor": -2 }, /llama\.rope\.scaling\.factor is -2/],
    [{}, /tensor rope_freqs\.weight is F32 \[8\], expected F32 \[16\]/, { "rope_freqs": powers(1).slice(8) }],
    [{}, /tensor rope_factors_long\.weight is missing/, { "rope_factors_short": powers(1) }],
    [{ "scaling.type": "yarn" }, /tensor rope_freqs\.weight is there/, { "rope_freqs": powers(1) }],
  ];
  for (const [keys, message, vectors] of cases) {
    await assert.rejects(ropeOf(keys, vectors), (error: Error) => {
      assert.ok(error instanceof LoadError);
      assert.match(error.message, message);
      return true;
    });
  }
});
