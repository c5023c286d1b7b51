/**
 * Logits of tiny random Llama checkpoints against an independent float64 forward.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { VerifierConfig } from "../../../runtime/contracts/config.ts";
import { assertClose } from "../../support/close.ts";
import { type Simulated, testEachSimulated } from "../../support/cuda_sim.ts";
import { ALL_ISAS, hasIsa, type Isa } from "../../support/native.ts";
import {
  loadHere,
  ModelRunner,
  referenceWeights,
  verifierConfig,
  withTinyCheckpoint,
} from "../../support/models.ts";
import {
  llamaLogits,
  ROUNDED,
  roundedToBfloat16,
  roundedToInt8,
  type Rounding,
} from "../../support/reference.ts";
import type { TinyModelOptions } from "../../support/tiny_model.ts";

/**
 * What the CUDA kernels round in place of a case's rounding, and the largest NMSE of the logits against the reference that
 * does so too, and against the CPU's, which rounds other things.
 */
interface Cores extends Rounding {
  readonly bound: number;
  readonly cpuBound: number;
}

interface Case {
  readonly name: string;
  readonly options: TinyModelOptions;
  readonly change?: Partial<VerifierConfig>;
  /** What the reference rounds as the kernels do. */
  readonly rounding?: Rounding;
  readonly roundWeights?: typeof roundedToBfloat16;
  /** Largest NMSE of the logits. */
  readonly bound: number;
  /** On AMX, if another. */
  readonly tiledBound?: number;
  /** Where the weights are for tensor cores. */
  readonly cores?: Cores;
}

const SEED = 5;
const wide: TinyModelOptions["config"] = { hiddenSize: 256, intermediateSize: 512, numHeads: 8 };
const llama3 = {
  type: "llama3",
  factor: 8,
  lowFreqFactor: 1,
  highFreqFactor: 4,
  originalMaxPositionEmbeddings: 32,
} as const;
const int8 = { activations: roundedToInt8 };
/** Not to round at all would differ by 3.5e-5 in bfloat16, by 5.6e-7 in float16. */
const bfloat16: Cores = { activations: roundedToBfloat16, bound: 1e-5, cpuBound: 1e-4 };
const float16: Cores = { activations: ROUNDED.float16, bound: 3e-7, cpuBound: 2e-6 };
const quantised: Cores = { ...bfloat16, bound: 1e-4, cpuBound: 2e-3 };

/**
 * Float weights differ from float64 by float32 sums only, bfloat16 ones also by inputs of 16 bits (AMX). Where the
 * kernels round (int8 inputs, bfloat16 KV), so does the reference, but a value that sums put on the other side of a
 * rounding step flips it; K-quants are repacked.
 */
const CASES: readonly Case[] = [
  { name: "F32", options: { kind: "gguf", seed: SEED }, bound: 1e-11 },
  {
    name: "F32 with a tied head, one KV head",
    options: { kind: "gguf", seed: SEED, config: { tieWordEmbeddings: true, numKvHeads: 1 } },
    bound: 1e-11,
  },
  {
    name: "F32 with llama3 scaling in three shards",
    options: {
      kind: "safetensors",
      seed: SEED,
      shards: 3,
      config: { rope: { scaling: llama3, theta: 500 } },
    },
    bound: 1e-11,
  },
  {
    name: "F32 with linear scaling",
    options: {
      kind: "safetensors",
      seed: SEED,
      config: { rope: { scaling: { type: "linear", factor: 2 } } },
    },
    bound: 1e-11,
  },
  {
    name: "BF16",
    options: { kind: "safetensors", seed: SEED, format: "BF16" },
    bound: 1e-11,
    tiledBound: 1e-10,
    cores: bfloat16,
  },
  {
    name: "F16 kept as float16",
    options: { kind: "safetensors", seed: SEED, format: "F16" },
    change: { dtype: "float16" },
    bound: 1e-11,
    cores: float16,
  },
  {
    name: "F32 kept as bfloat16",
    options: { kind: "safetensors", seed: SEED },
    change: { dtype: "bfloat16" },
    roundWeights: roundedToBfloat16,
    bound: 1e-11,
    tiledBound: 1e-10,
    cores: bfloat16,
  },
  {
    name: "F32 with bfloat16 KV",
    options: { kind: "gguf", seed: SEED },
    change: { kvDtype: "bfloat16" },
    rounding: { kv: roundedToBfloat16 },
    bound: 1e-7,
  },
  ...(["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"] as const).map((format): Case => ({
    name: format,
    options: { kind: "gguf", seed: SEED, format },
    rounding: int8,
    bound: 3e-4,
    cores: quantised,
  })),
  ...(["Q4_K", "Q5_K", "Q6_K"] as const).map((format): Case => ({
    name: format,
    options: { kind: "gguf", seed: SEED, format, config: wide },
    rounding: int8,
    bound: 3e-3,
    cores: quantised,
  })),
  {
    name: "a mixture as llama.cpp writes it",
    options: {
      kind: "gguf",
      seed: SEED,
      config: { ...wide, tieWordEmbeddings: true },
      format: (name) => /embed|down_proj/.test(name) ? "Q6_K" : /v_proj/.test(name) ? "Q8_0" : "Q4_1",
    },
    rounding: int8,
    bound: 3e-3,
    cores: quantised,
  },
];

const TOKENS = Int32Array.from({ length: 40 }, (_, i) => (i * 37 + 11) % 300);
const PAGES = Int32Array.of(5, 2, 9);

for (
  const { name, options, change = {}, rounding = {}, roundWeights, bound, tiledBound = bound, cores } of CASES
) {
  Deno.test(`logits of a tiny model match float64: ${name}`, () =>
    withTinyCheckpoint(options, (checkpoint) => {
      const weights = referenceWeights(checkpoint, roundWeights);
      const expected = llamaLogits(checkpoint.config, weights, TOKENS, rounding);
      for (const isa of ALL_ISAS.filter(hasIsa)) {
        using runner = new ModelRunner(verifierConfig(checkpoint, change), isa);
        const actual = runner.forward([{ tokens: TOKENS, start: 0, pages: PAGES }]);
        const flat = (rows: readonly ArrayLike<number>[]) => rows.flatMap((row) => Array.from(row));
        assertClose(flat(actual), flat(expected), isa === "amx" ? tiledBound : bound, `${name}, ${isa}`);
      }
    }));

  testEachSimulated(
    `cuda: logits of a tiny model match float64 and the CPU's: ${name}`,
    (simulated) =>
      withTinyCheckpoint(options, (checkpoint) => {
        const weights = referenceWeights(checkpoint, roundWeights);
        const flat = (rows: readonly ArrayLike<number>[]) => rows.flatMap((row) => Array.from(row));
        const logitsOn = (kernels: Isa | Simulated) => {
          using runner = new ModelRunner(verifierConfig(checkpoint, change), kernels);
          return flat(runner.forward([{ tokens: TOKENS, start: 0, pages: PAGES }]));
        };
        const actual = logitsOn(simulated), cpu = logitsOn("portable");
        const expected = flat(llamaLogits(checkpoint.config, weights, TOKENS, cores ?? rounding));
        assertClose(actual, expected, cores?.bound ?? bound, name);
        assertClose(actual, cpu, cores?.cpuBound ?? bound, `${name}, beside the CPU`);
      }),
  );
}

Deno.test("loading reports progress, sizes and backend as SGLang's log does", () =>
  withTinyCheckpoint({ kind: "safetensors", seed: SEED, shards: 2 }, (checkpoint) => {
    const lines: string[] = [];
    const { context, info } = loadHere(
      verifierConfig(checkpoint),
      (level, text) => lines.push(`${level} ${text}`),
    );
    context[Symbol.dispose]();
    const { numLayers, numKvHeads, headDim } = checkpoint.config;
    const halfBytes = 1024 * numLayers * numKvHeads * headDim * 4;
    assert.deepEqual([info.numPages, info.kBytes, info.vBytes], [64, halfBytes, halfBytes]);
    assert.match(info.backend, /^cpu \w+, 2 threads$/);
    const text = lines.join("\n");
    assert.match(text, /Load weight begin\. avail mem=\d+\.\d\d GB/);
    assert.match(text, /Loading checkpoint shards: 50% Completed \| 1\/2/);
    assert.match(text, /Loading checkpoint shards: 100% Completed \| 2\/2/);
    assert.match(text, /Load weight end\. type=LlamaForCausalLM, dtype=float32/);
    assert.match(text, /KV Cache is allocated\. dtype: float32, #tokens: 1024, K size: \d+\.\d\d GB/);
  }));

Deno.test("the log tells the type that weights are stored in, not the file's", () =>
  withTinyCheckpoint({ kind: "safetensors", seed: SEED }, (checkpoint) => {
    const lines: string[] = [];
    const { context } = loadHere(
      { ...verifierConfig(checkpoint), dtype: "float16" },
      (_, text) => lines.push(text),
    );
    context[Symbol.dispose]();
    assert.match(lines.join("\n"), /Load weight end\. type=LlamaForCausalLM, dtype=float16/);
  }));

Deno.test("a checkpoint without a tensor or of an unknown architecture is refused by name", () =>
  withTinyCheckpoint({ kind: "gguf", seed: SEED }, (checkpoint) => {
    const load = (change: Partial<typeof checkpoint>) => () =>
      loadHere(verifierConfig({ ...checkpoint, ...change }));
    const tensors = new Map(checkpoint.tensors);
    tensors.delete("model.layers.1.mlp.up_proj.weight");
    assert.throws(load({ tensors }), {
      name: "LoadError",
      message: /^Cannot find tensor: model\.layers\.1\.mlp\.up_proj\.weight in /,
    });
    assert.throws(load({ config: { ...checkpoint.config, architecture: "GPT2LMHeadModel" } }), {
      name: "LoadError",
      message: /^Cannot run architecture: GPT2LMHeadModel, expected one of .*LlamaForCausalLM/,
    });
  }));
