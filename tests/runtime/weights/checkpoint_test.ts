import assert from "node:assert/strict";
import { join } from "node:path";
import type { Checkpoint, TensorSource } from "../../../runtime/contracts/checkpoint.ts";
import type { StorageFormat } from "../../../runtime/contracts/storage_format.ts";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { dequantizeRow } from "../../support/block_formats.ts";
import { needsModel } from "../../support/model_file.ts";
import { TINY_CONFIG, type TinyModelOptions, writeTinyModel } from "../../support/tiny_model.ts";

const seed = 7;

async function withTinyModel(
  options: TinyModelOptions,
  body: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(await writeTinyModel(folder, options));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function open(path: string): Promise<Checkpoint> {
  return (await openCheckpoint(await resolveModel(path))).checkpoint;
}

/** Row `index` of a matrix as the file has it. */
async function readRow(tensor: TensorSource, index: number): Promise<number[]> {
  const [rows, cols] = [tensor.shape[0]!, tensor.shape[1]!];
  const bytes = await Deno.readFile(tensor.file);
  const rowBytes = tensor.bytes / rows;
  const start = tensor.offset + index * rowBytes;
  return [...dequantizeRow(tensor.format, bytes.subarray(start, start + rowBytes), cols)];
}

async function editJson(path: string, change: Record<string, unknown>): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify({ ...JSON.parse(await Deno.readTextFile(path)), ...change }));
}

Deno.test("GGUF and safetensors of one model open as the same checkpoint", async () => {
  await withTinyModel(
    { kind: "gguf", seed },
    (ggufPath) =>
      withTinyModel({ kind: "safetensors", seed }, async (folder) => {
        const gguf = await open(ggufPath);
        const safetensors = await open(folder);
        assert.deepEqual({ ...gguf.config, rmsNormEps: 1e-5 }, TINY_CONFIG);
        assert.ok(Math.abs(gguf.config.rmsNormEps - 1e-5) < 1e-11);
        assert.deepEqual(safetensors.config, TINY_CONFIG);
        assert.deepEqual([...gguf.tensors.keys()].toSorted(), [...safetensors.tensors.keys()].toSorted());
        for (const [name, tensor] of safetensors.tensors) {
          assert.deepEqual(tensor.shape, gguf.tensors.get(name)!.shape);
        }

        const down = "model.layers.1.mlp.down_proj.weight";
        assert.deepEqual(
          await readRow(gguf.tensors.get(down)!, 3),
          await readRow(safetensors.tensors.get(down)!, 3),
        );
        // Row 1 of a GGUF head is its partner half a head on: row headDim / 2 in Hugging Face's order.
        const key = "model.layers.0.self_attn.k_proj.weight";
        assert.equal(gguf.tensors.get(key)!.rowOrder, "interleaved");
        assert.equal(safetensors.tensors.get(key)!.rowOrder, "plain");
        assert.deepEqual(
          await readRow(gguf.tensors.get(key)!, 1),
          await readRow(safetensors.tensors.get(key)!, 8),
        );
      }),
  );
});

Deno.test("shards are found through the index", async () => {
  await withTinyModel({ kind: "safetensors", seed, shards: 3, format: "BF16" }, async (folder) => {
    const files = await resolveModel(folder);
    assert.deepEqual(
      files.files,
      [1, 2, 3].map((shard) => join(folder, `model-0000${shard}-of-00003.safetensors`)),
    );
    const { checkpoint } = await openCheckpoint(files);
    assert.equal(checkpoint.dtype, "bfloat16");
    assert.equal(new Set([...checkpoint.tensors.values()].map(({ file }) => file)).size, 3);

    await Deno.remove(files.files[1]!);
    await assert.rejects(
      resolveModel(folder),
      /LoadError.*model-00002-of-00003\.safetensors, which is missing/s,
    );
  });
});

for (const format of ["F16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"] satisfies StorageFormat[]) {
  Deno.test(`GGUF matrices stored as ${format} are found`, async () => {
    await withTinyModel({ kind: "gguf", seed, format }, async (path) => {
      const checkpoint = await open(path);
      assert.equal(checkpoint.dtype, format === "F16" ? "float16" : format);
      const head = checkpoint.tensors.get("lm_head.weight")!;
      const row = await readRow(head, 5);
      const deviation = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / row.length);
      assert.ok(deviation > 0.1 && deviation < 0.5, `deviation ${deviation}`);
    });
  });
}

Deno.test("K-quants need and get rows of 256", async () => {
  const config = { hiddenSize: 256, intermediateSize: 256, numLayers: 1, headDim: 64 };
  for (const format of ["Q4_K", "Q5_K", "Q6_K"] satisfies StorageFormat[]) {
    await withTinyModel({ kind: "gguf", seed, format, config }, async (path) => {
      assert.equal((await open(path)).dtype, format);
    });
  }
});

Deno.test("tensors of a GGUF file that the model needs are missed by name, whatever their type", async () => {
  const type = 18, bytes = new Uint8Array(64), dims = [64, TINY_CONFIG.vocabSize];
  const cases = [
    ["output.weight", /tensor lm_head\.weight is stored as IQ3_XXS, which is not supported/],
    ["blk.0.attn_output.bias", /tensor model\.layers\.0\.self_attn\.\w_proj\.bias is/],
    ["blk.0.attn_sinks.weight", /tensor blk\.0\.attn_sinks\.weight is not part of architecture llama/],
  ] as const;
  for (const [name, message] of cases) {
    const ggufBeside = [{ name, dims, type, bytes }], config = { tieWordEmbeddings: true };
    await withTinyModel({ kind: "gguf", seed, config, ggufBeside }, async (path) => {
      await assert.rejects(open(path), { name: "LoadError", message });
    });
  }
});

Deno.test("tied embeddings need no lm_head", async () => {
  for (const kind of ["gguf", "safetensors"] as const) {
    await withTinyModel({ kind, seed, config: { tieWordEmbeddings: true } }, async (path) => {
      const checkpoint = await open(path);
      assert.equal(checkpoint.config.tieWordEmbeddings, true);
      assert.equal(checkpoint.tensors.has("lm_head.weight"), false);
    });
  }
});

Deno.test("llama3 rope scaling is read from config.json, old and new spelling", async () => {
  const scaling = {
    type: "llama3",
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: 128,
  } as const;
  await withTinyModel({ kind: "safetensors", seed, config: { rope: { scaling } } }, async (folder) => {
    assert.deepEqual((await open(folder)).config.rope.scaling, scaling);
    const path = join(folder, "config.json");
    const { rope_scaling: old } = JSON.parse(await Deno.readTextFile(path));
    await editJson(path, { "rope_scaling": null, "rope_parameters": { ...old, "rope_theta": 5000 } });
    const { config } = await open(folder);
    assert.deepEqual(config.rope.scaling, scaling);
    assert.equal(config.rope.theta, 5000);
  });
});

Deno.test("eos ids of generation_config.json count too", async () => {
  await withTinyModel({ kind: "safetensors", seed }, async (folder) => {
    await editJson(join(folder, "generation_config.json"), { "eos_token_id": [0, 2] });
    assert.deepEqual((await open(folder)).config.eosTokenIds, [2, 0]);
  });
});

Deno.test("what is not supported is refused by name", async () => {
  const cases: readonly [change: Record<string, unknown>, message: RegExp][] = [
    [
      { architectures: ["MambaForCausalLM"] },
      /architectures is "MambaForCausalLM", expected .*LlamaForCausalLM/,
    ],
    [{ "quantization_config": { "quant_method": "exl2" } }, /exl2/],
    [
      { "attention_bias": true },
      /tensor model\.layers\.0\.self_attn\.q_proj\.bias is missing, expected \[64\]/,
    ],
    [{ "hidden_act": "gelu" }, /hidden_act is "gelu", expected silu/],
    [{ "rope_scaling": { "rope_type": "mrope" } }, /the rope_type of rope_scaling is mrope/],
    [{ "hidden_size": "64" }, /hidden_size: /],
    [{ "num_key_value_heads": 3 }, /4 query heads do not divide among 3/],
    [
      { "intermediate_size": 96 },
      /tensor model\.layers\.0\.mlp\.gate_proj\.weight is \[128, 64\], expected \[96, 64\]/,
    ],
    [
      { "num_hidden_layers": 3 },
      /tensor model\.layers\.2\.input_layernorm\.weight is missing, expected \[64\]/,
    ],
    [{ "num_hidden_layers": 1e9 }, /layers, but only 21 tensors/],
  ];
  for (const [change, message] of cases) {
    await withTinyModel({ kind: "safetensors", seed }, async (folder) => {
      await editJson(join(folder, "config.json"), change);
      await assert.rejects(open(folder), (error: Error) => {
        assert.ok(error instanceof LoadError);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});

const real = needsModel();
Deno.test("the real model's header", { ignore: real.ignore }, async () => {
  const { config, tensors, dtype } = await open(real.path);
  assert.equal(dtype, "Q4_1");
  assert.equal(tensors.size, 272);
  assert.deepEqual(
    [
      config.hiddenSize,
      config.numLayers,
      config.numHeads,
      config.numKvHeads,
      config.headDim,
      config.vocabSize,
    ],
    [576, 30, 9, 3, 64, 49152],
  );
  assert.equal(config.tieWordEmbeddings, true);
  assert.deepEqual(config.eosTokenIds, [2]);
  assert.equal(tensors.get("model.embed_tokens.weight")!.format, "Q8_0");
  const norm = tensors.get("model.norm.weight")!;
  assert.deepEqual([norm.format, norm.shape], ["F32", [576]]);
});
