/**
 * Quantised safetensors checkpoints against the float values that their numbers stand for: packed matrices row by row,
 * and whole models. `tests/references/quantised_checkpoints.py` writes both.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Context } from "../../../../ffi/context.ts";
import { embedding } from "../../../../ffi/ops.ts";
import type { Checkpoint } from "../../../../runtime/contracts/checkpoint.ts";
import { LoadError } from "../../../../runtime/contracts/errors.ts";
import { memoryNeeds } from "../../../../runtime/engine/memory_needs.ts";
import { Weights } from "../../../../runtime/nn/weights.ts";
import { openCheckpoint } from "../../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../../runtime/weights/resolve.ts";
import { rowsAt } from "../../../support/batches.ts";
import { assertClose } from "../../../support/close.ts";
import { isSimulatorBuilt, openSimulated } from "../../../support/cuda_sim.ts";
import { loadHere, ModelRunner, referenceWeights, verifierConfig } from "../../../support/models.ts";
import { ALL_ISAS, hasIsa, libraryPath, readRows } from "../../../support/native.ts";
import { askReference, needsReferences } from "../../../support/references.ts";
import { writeTinyModel } from "../../../support/tiny_model.ts";

const PACKAGES = ["torch", "safetensors", "compressed_tensors"];

/**
 * Largest NMSE of packed values. 4 bits are kept but for the minimum's rounding to float16, 8 bits but for the scale's;
 * 8 bit floats and inputs in any order are quantised anew to 8 bits per 32.
 */
const BOUNDS: Readonly<Record<string, number>> = {
  "gptq-32": 1e-6,
  "gptq-128": 1e-6,
  "gptq-v2": 1e-6,
  "gptq-act-order": 5e-5,
  "awq-64": 1e-6,
  "awq-128": 1e-6,
  "fp8-tensor": 5e-5,
  "fp8-block": 5e-5,
  "int4-64": 1e-6,
  "int4-asymmetric": 1e-6,
  "int8-packed": 1e-6,
  "int8-channel": 1e-6,
};

const MATRICES = ["self_attn.q_proj", "self_attn.k_proj", "mlp.gate_proj", "mlp.down_proj"];

async function open(folder: string): Promise<Checkpoint> {
  return (await openCheckpoint(await resolveModel(folder))).checkpoint;
}

/** All rows of a matrix as it is packed. */
function packedRows(context: Context, checkpoint: Checkpoint, name: string): ArrayLike<number> {
  const weights = new Weights({ context, checkpoint, dtype: "float32" }), weight = weights.matrix(name);
  const [rows, cols] = checkpoint.tensors.get(`${name}.weight`)!.shape as [number, number];
  const tokens = Array.from({ length: rows }, (_, row) => row);
  const batch = context.createBatch({ rows, segments: 1, pages: 1, outputs: 1 });
  context.writeBatch(batch, rowsAt(tokens.map(() => 0), { tokens }));
  const out = context.batchTensor(batch, "rows", cols);
  embedding(context, out, batch, weight);
  const values = readRows(context, out, rows, cols);
  weights.close();
  return values;
}

Deno.test({
  name: "quantised safetensors checkpoints: matrices and logits are those of the values they stand for",
  ...await needsReferences(...PACKAGES),
  async fn(t) {
    const folder = await Deno.makeTempDir();
    try {
      const source = await writeTinyModel(join(folder, "float"), {
        kind: "safetensors",
        seed: 22,
        config: { hiddenSize: 128, intermediateSize: 256, headDim: 32 },
      });
      const known = await askReference("quantised_checkpoints.py", {
        folder: source,
        out: folder,
        schemes: Object.keys(BOUNDS),
      });
      assert.deepEqual((known as string[]).toSorted(), Object.keys(BOUNDS).toSorted());
      for (const [scheme, bound] of Object.entries(BOUNDS)) {
        await t.step(scheme, async () => {
          const checkpoint = await open(join(folder, scheme)),
            float = await open(join(folder, `${scheme}-float`));
          const expected = referenceWeights(float);
          const contexts = [() => new Context(libraryPath, { device: "cpu", threads: 2 })];
          if (isSimulatorBuilt) contexts.push(openSimulated);
          for (const open of contexts) {
            using context = open();
            for (const matrix of MATRICES) {
              const name = `model.layers.1.${matrix}`;
              const values = expected(`${name}.weight`).flatMap((row) => Array.from(row));
              assertClose(
                packedRows(context, checkpoint, name),
                values,
                bound,
                `${name}, ${context.describe()}`,
              );
            }
          }
          const [quantised, plain] = [checkpoint, float].map((each) => {
            using runner = new ModelRunner(verifierConfig(each), ALL_ISAS.findLast(hasIsa)!);
            return runner.forward([{
              tokens: Int32Array.from([1, 40, 7, 99, 23]),
              start: 0,
              pages: Int32Array.of(0),
            }]);
          });
          quantised!.forEach((row, i) => assertClose(row, plain![i]!, 2e-3, `logits of row ${i}`));
          const needs = (each: Checkpoint) => memoryNeeds(verifierConfig(each), undefined).weightBytes;
          assert(needs(checkpoint) < needs(float) / 2, "counted as packed");
          const loaded = loadHere(verifierConfig(checkpoint));
          using _ = loaded.context;
          const vectors = [...checkpoint.tensors.values()].filter(({ shape }) => shape.length === 1);
          const vectorBytes = vectors.reduce((sum, { shape }) => sum + 4 * shape[0]!, 0);
          assert.equal(needs(checkpoint) - vectorBytes, loaded.info.weightBytes, "packed as foretold");
        });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function refused(change: Record<string, unknown>, expected: RegExp): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await writeTinyModel(folder, { kind: "safetensors", seed: 1 });
    const path = join(folder, "config.json"), config = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(path, JSON.stringify({ ...config, "quantization_config": change }));
    await assert.rejects(open(folder), (error) => {
      assert(error instanceof LoadError, String(error));
      assert.match(error.message, expected);
      return true;
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("quantised safetensors checkpoints: what is not served is refused by name", async () => {
  await refused({ "quant_method": "bitsandbytes" }, /quant_method is "bitsandbytes", expected .*gptq/);
  await refused({ "quant_method": "gptq", bits: 3, "group_size": 128 }, /bits is 3, expected 4/);
  await refused(
    { "quant_method": "gptq", bits: 4, "group_size": 128, "checkpoint_format": "marlin" },
    /checkpoint_format is "marlin"/,
  );
  await refused({ "quant_method": "awq", bits: 4, "group_size": 64, version: "gemv" }, /version is "gemv"/);
  await refused({ "quant_method": "fp8", fmt: "e5m2" }, /fmt is "e5m2"/);
  const scheme = (weights: object, more: object = {}) => ({
    "quant_method": "compressed-tensors",
    format: "pack-quantized",
    "config_groups": { "group_0": { weights } },
    ...more,
  });
  await refused(scheme({ "num_bits": 3 }), /config_groups is "pack-quantized int3", expected/);
  await refused(
    scheme({ "num_bits": 4 }, { "sparsity_config": { format: "sparse-24-bitmask" } }),
    /sparsity_config/,
  );
});
