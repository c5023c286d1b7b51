/**
 * Rotary frequencies read from config.json, against transformers: every kind, both spellings, whose field counts.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { RopeConfig } from "../../../runtime/contracts/rope_config.ts";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import {
  readLayerRopes,
  readRope,
  ROPE_FIELDS,
  type RopeDefaults,
} from "../../../runtime/architectures/rope_json.ts";
import { ropeFrequencies } from "../../../runtime/nn/rope_frequencies.ts";
import { checkFields } from "../../../runtime/tensor_files/text_file.ts";
import { askReference, needsReferences } from "../../support/references.ts";
import { z } from "zod";

type Fields = Readonly<Record<string, unknown>>;

/** What the architecture of a `model_type` has of its own, as its descriptor says. */
const DEFAULTS: Readonly<Record<string, RopeDefaults>> = {
  llama: {},
  mixtral: { defaultTheta: 1e6 },
  smollm3: { defaultTheta: 2e6 },
  "gemma3_text": { defaultTheta: 1e6 },
  phi3: {
    mayBePartial: true,
    originalMaxPositionEmbeddings: 4096,
    aliases: { su: "longrope", yarn: "longrope" },
  },
};

interface Case {
  readonly name: string;
  readonly model: string;
  readonly config: Fields;
  /** Tokens of the text, and of the context; the model's 512 if absent. */
  readonly length?: number;
}

const HEAD_DIM = 32, LENGTH = 512;

const ramp = (first: number) => Array.from({ length: 16 }, (_, i) => first + i / 4);
const llama3 = { factor: 8, "low_freq_factor": 1, "high_freq_factor": 4 };
const longrope = { "short_factor": ramp(1), "long_factor": ramp(2) };

const CASES: readonly Case[] = [
  { name: "nothing", config: {} },
  { name: "a base", config: { "rope_theta": 5e5 } },
  { name: "default in the old spelling", config: { "rope_scaling": { type: "default" } } },
  { name: "empty rope_scaling", config: { "rope_scaling": {}, "rope_theta": 300 } },
  {
    name: "rope_parameters",
    config: { "rope_parameters": { "rope_type": "linear", factor: 2, "rope_theta": 300 } },
  },
  {
    name: "both",
    config: {
      "rope_parameters": { "rope_type": "default", "rope_theta": 300 },
      "rope_scaling": { type: "linear", factor: 4 },
    },
  },
  {
    name: "both, and a base beside them",
    config: {
      "rope_theta": 400,
      "rope_parameters": { "rope_type": "default", "rope_theta": 300 },
      "rope_scaling": { type: "linear", factor: 4 },
    },
  },
  {
    name: "a base within and beside",
    config: { "rope_theta": 400, "rope_parameters": { "rope_type": "default", "rope_theta": 300 } },
  },
  {
    name: "rope_type before type",
    config: { "rope_scaling": { "rope_type": "linear", type: "dynamic", factor: 3 } },
  },
  { name: "null beside what counts", config: { "rope_scaling": null, "rope_parameters": null } },
  { name: "dynamic, not exceeded", config: { "rope_scaling": { type: "dynamic", factor: 4 } } },
  { name: "dynamic, exceeded", config: { "rope_scaling": { type: "dynamic", factor: 4 } }, length: 1500 },
  { name: "llama3 of the model's length", config: { "rope_scaling": { "rope_type": "llama3", ...llama3 } } },
  {
    name: "llama3",
    config: {
      "rope_scaling": { "rope_type": "llama3", ...llama3, "original_max_position_embeddings": 64 },
    },
  },
  {
    name: "llama3 with a length beside",
    config: {
      "original_max_position_embeddings": 32,
      "rope_scaling": { "rope_type": "llama3", ...llama3, "original_max_position_embeddings": 64 },
    },
  },
  { name: "yarn", config: { "rope_scaling": { "rope_type": "yarn", factor: 4 } } },
  {
    name: "yarn of a ratio",
    config: {
      "rope_scaling": { "rope_type": "yarn", factor: null, "original_max_position_embeddings": 128 },
    },
  },
  {
    name: "yarn with everything",
    config: {
      "rope_theta": 1e6,
      "rope_scaling": {
        "rope_type": "yarn",
        factor: 4,
        "original_max_position_embeddings": 128,
        "beta_fast": 24,
        "beta_slow": 2,
        "attention_factor": 1.25,
        mscale: 0.7,
        "mscale_all_dim": 0.5,
      },
    },
  },
  {
    name: "yarn with mscale",
    config: { "rope_scaling": { type: "yarn", factor: 8, mscale: 0.7, "mscale_all_dim": 0.4 } },
  },
  {
    name: "yarn with half of mscale",
    config: { "rope_scaling": { type: "yarn", factor: 8, mscale: 0.7, "mscale_all_dim": 0 } },
  },
  { name: "yarn not truncated", config: { "rope_scaling": { type: "yarn", factor: 8, truncate: false } } },
  { name: "yarn of factor 1", config: { "rope_scaling": { type: "yarn", factor: 1, "beta_fast": 0 } } },
  {
    name: "longrope, short",
    config: {
      "rope_scaling": { type: "longrope", ...longrope, factor: 4, "original_max_position_embeddings": 128 },
    },
    length: 128,
  },
  {
    name: "longrope, long",
    config: { "rope_scaling": { type: "longrope", ...longrope, "original_max_position_embeddings": 128 } },
    length: 129,
  },
  {
    name: "longrope with a factor of attention",
    config: { "rope_scaling": { type: "longrope", ...longrope, "attention_factor": 0.9 } },
  },
  { name: "smollm3 without a base", model: "smollm3", config: { "no_rope_layers": [1, 0] } },
  { name: "mixtral without a base", model: "mixtral", config: {} },
  {
    name: "phi3, a part of each head",
    model: "phi3",
    config: { "partial_rotary_factor": 0.5, "rope_theta": 300 },
  },
  {
    name: "phi3, su, long",
    model: "phi3",
    config: {
      "original_max_position_embeddings": 128,
      "rope_scaling": { type: "su", ...longrope, "original_max_position_embeddings": 64 },
    },
    length: 129,
  },
  {
    name: "phi3, yarn, short",
    model: "phi3",
    config: { "original_max_position_embeddings": 128, "rope_scaling": { type: "yarn", ...longrope } },
    length: 128,
  },
  {
    name: "phi3 with half a head and its own length",
    model: "phi3",
    config: {
      "max_position_embeddings": 8192,
      "rope_scaling": {
        type: "longrope",
        "short_factor": ramp(1).slice(0, 8),
        "long_factor": ramp(2).slice(0, 8),
      },
      "partial_rotary_factor": 0.5,
    },
    length: 4097,
  },
  { name: "gemma3 without anything", model: "gemma3_text", config: {} },
  {
    name: "gemma3 in the old spelling",
    model: "gemma3_text",
    config: {
      "rope_theta": 5e5,
      "rope_local_base_freq": 9000,
      "rope_scaling": { "rope_type": "linear", factor: 8 },
    },
  },
  {
    name: "gemma3 with a type that does not count",
    model: "gemma3_text",
    config: { "rope_scaling": { type: "linear", factor: 8 } },
  },
  {
    name: "gemma3 by kind of layer",
    model: "gemma3_text",
    config: {
      "rope_theta": 7,
      "rope_parameters": {
        "full_attention": { "rope_type": "linear", factor: 8, "rope_theta": 4e5 },
        "sliding_attention": { "rope_type": "default", "rope_theta": 700 },
      },
    },
  },
  {
    name: "gemma3 with one kind of layer, and rope_scaling",
    model: "gemma3_text",
    config: {
      "rope_local_base_freq": 900,
      "rope_parameters": { "full_attention": { "rope_type": "default", "rope_theta": 4e5 } },
      "rope_scaling": { "rope_type": "yarn", factor: 8 },
    },
  },
].map((one) => ({ model: "llama", ...one }));

/** config.json in full: two heads, two layers. */
function configOf({ model, config }: Case): Fields {
  return {
    ...(model === "gemma3_text" && { "layer_types": ["sliding_attention", "full_attention"] }),
    "hidden_size": 2 * HEAD_DIM,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "head_dim": HEAD_DIM,
    "max_position_embeddings": LENGTH,
    ...config,
  };
}

/** The rotary positions by kind of layer, as the reference prints them. */
function ropesOf(one: Case): Readonly<Record<string, RopeConfig>> {
  const config = configOf(one), fields = checkFields("config.json", config, z.looseObject(ROPE_FIELDS));
  const maxPositionEmbeddings = config["max_position_embeddings"] as number;
  const sizes = { headDim: HEAD_DIM, maxPositionEmbeddings, ...DEFAULTS[one.model] };
  if (one.model !== "gemma3_text") return { "": readRope("config.json", fields, sizes) };
  const { global, local } = readLayerRopes("config.json", fields, { ...sizes, defaultLocalTheta: 10000 });
  return { "full_attention": global, "sliding_attention": local };
}

Deno.test("rope: frequencies and the factor of cos and sin are transformers'", {
  ...await needsReferences("transformers", "torch"),
}, async () => {
  const asked = CASES.map((one) => ({
    model: one.model,
    config: configOf(one),
    length: one.length ?? LENGTH,
  }));
  const expected = await askReference("rope.py", asked) as Record<
    string,
    { inverse: number[]; scale: number }
  >[];
  CASES.forEach((one, i) => {
    for (const [kind, rope] of Object.entries(ropesOf(one))) {
      const { inverse, scale } = ropeFrequencies(rope, one.length ?? LENGTH), right = expected[i]![kind]!;
      const where = `${one.name} ${kind}`;
      assert.equal(inverse.length, right.inverse.length, where);
      inverse.forEach((value, j) => {
        const known = right.inverse[j]!;
        assert.ok(Math.abs(value / known - 1) < 2e-6, `${where}: [${j}] is ${value}, expected ${known}`);
      });
      assert.ok(Math.abs(scale - right.scale) < 1e-6, `${where}: ${scale}, expected ${right.scale}`);
    }
  });
});

Deno.test("rope: what cannot be computed is refused by name", () => {
  const cases: readonly (readonly [config: Fields, message: RegExp])[] = [
    [
      { "rope_scaling": { type: "proportional", factor: 2 } },
      /the rope_type of rope_scaling is proportional, expected one of default, linear/,
    ],
    [{ "rope_scaling": { type: "linear" } }, /rope_scaling\.factor: /],
    [{ "rope_scaling": { type: "linear", factor: 0 } }, /rope_scaling\.factor: /],
    [{ "rope_parameters": { "rope_type": "llama3", factor: 8 } }, /rope_parameters\.low_freq_factor: /],
    [{ "rope_scaling": { type: "yarn" } }, /rope_scaling\.factor: /],
    [
      { "rope_scaling": { type: "longrope", ...longrope, "long_factor": [1, 2] } },
      /rope_scaling\.long_factor has 2 numbers, expected 16/,
    ],
    [{ "partial_rotary_factor": 0.5 }, /partial_rotary_factor is 0.5, expected 1/],
    [
      { "rope_parameters": { "sliding_attention": { "rope_type": "default" } } },
      /rope_parameters\.sliding_attention is there/,
    ],
  ];
  for (const [config, message] of cases) {
    const refused = { name: "", model: "llama", config };
    assert.throws(() => ropesOf(refused), (error: Error) => {
      assert.ok(error instanceof LoadError);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("rope: divisors of a GGUF file divide frequency by frequency", () => {
  const divisors = Array.from({ length: 16 }, (_, i) => 1 + i / 2);
  const rope = { theta: 10000, rotaryDim: 32, scaling: { type: "divisors", divisors } } as const;
  const { inverse, scale } = ropeFrequencies(rope, LENGTH);
  assert.equal(scale, 1);
  assert.deepEqual(inverse, Float32Array.from(divisors, (divisor, i) => 10000 ** (-i / 16) / divisor));
});
