/**
 * Bringing a checkpoint's tensors into native memory by name.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Checkpoint } from "../../../runtime/contracts/checkpoint.ts";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import { Weights } from "../../../runtime/nn/weights.ts";
import type { Context } from "../../../ffi/context.ts";
import { linear } from "../../../ffi/ops.ts";
import { assertClose } from "../../support/close.ts";
import { withTinyHead } from "../../support/heads.ts";
import { referenceWeights, withTinyCheckpoint } from "../../support/models.ts";
import { normals, readRows, tensorOf, withContext } from "../../support/native.ts";
import { matVec } from "../../support/reference.ts";
import { seededRandom } from "../../support/block_formats.ts";

function withWeights(
  kind: "gguf" | "safetensors",
  body: (weights: Weights, context: Context, checkpoint: Checkpoint, progress: number[]) => void,
): Promise<void> {
  return withTinyCheckpoint(
    { kind, seed: 31, shards: 2 },
    (checkpoint) =>
      withContext("portable", 1, (context) => {
        const progress: number[] = [];
        const onProgress = (doneBytes: number) => progress.push(doneBytes);
        body(
          new Weights({ context, checkpoint, dtype: "float32", onProgress }),
          context,
          checkpoint,
          progress,
        );
      }),
  );
}

for (const kind of ["gguf", "safetensors"] as const) {
  Deno.test(`modules stack into one matrix, q and k in Hugging Face's order: ${kind}`, () =>
    withWeights(kind, (weights, context, checkpoint) => {
      const path = "model.layers.1.self_attn", reference = referenceWeights(checkpoint);
      const attention = weights.at("model").at("layers").at(1).at("self_attn");
      const rows = ["q_proj", "k_proj", "v_proj"].flatMap((name) => [...reference(`${path}.${name}.weight`)]);
      const x = normals(seededRandom(1), 64), out = context.createTensor(1, rows.length);
      const stacked = attention.matrix("q_proj", "k_proj", "v_proj");
      linear(context, out, tensorOf(context, x, 64), stacked);
      assertClose(readRows(context, out, 1, rows.length), matVec(rows, x), 1e-12, "stack");
      assert.equal(weights.packedBytes, rows.length * 64 * 4);
      assert.equal(weights.packedBytes, attention.packedBytes);
    }));
}

Deno.test("vectors load as float32 and files may be closed afterwards", () =>
  withWeights("safetensors", (weights, context, checkpoint, progress) => {
    const norm = weights.at("model").at("norm").vector("weight");
    weights.close();
    const expected = referenceWeights(checkpoint)("model.norm.weight")[0]!;
    assertClose(readRows(context, norm, 1, 64), expected, 0, "norm");
    assert.deepEqual(progress, [64 * 4]);
    assert.ok(weights.at("model").has("norm.weight") && !weights.at("model").has("norm.bias"));
  }));

Deno.test("what is missing or does not stack is named", () =>
  withWeights("safetensors", (weights) => {
    const layer = weights.at("model").at("layers").at(0);
    assert.throws(() => layer.at("mlp").matrix("gate_proj", "nothing"), (error) => {
      assert.ok(error instanceof LoadError);
      return /^Cannot find tensor: model\.layers\.0\.mlp\.nothing\.weight in /.test(error.message);
    });
    assert.throws(() => layer.at("mlp").matrix("gate_proj", "down_proj"), (error) => {
      assert.ok(error instanceof LoadError);
      return /^Cannot stack model\.layers\.0\.mlp\.down_proj\.weight: 128 columns, expected 64$/.test(
        error.message,
      );
    });
  }));

Deno.test("auto keeps float32 checkpoints in float32, 16-bit ones in bfloat16", async () => {
  for (const [format, expected] of [["F32", "float32"], ["BF16", "bfloat16"], ["F16", "bfloat16"]] as const) {
    await withTinyCheckpoint(
      { kind: "safetensors", seed: 1, format },
      (checkpoint) => assert.equal(Weights.autoDtype(checkpoint), expected, format),
    );
  }
  await withTinyCheckpoint(
    { kind: "gguf", seed: 1, format: "Q8_0" },
    (checkpoint) => assert.equal(Weights.autoDtype(checkpoint), "float32"),
  );
});

for (const kind of ["gguf", "safetensors"] as const) {
  Deno.test(`a matrix cut by columns gives the same products, piece by piece: ${kind}`, () =>
    withWeights(kind, (weights, context, checkpoint) => {
      const attention = weights.at("model").at("layers").at(1).at("self_attn");
      const names = ["q_proj", "k_proj"], widths = [32, 24, 8];
      const rows = names.flatMap((name) => [
        ...referenceWeights(checkpoint)(`model.layers.1.self_attn.${name}.weight`),
      ]);
      const x = normals(seededRandom(2), 64), out = context.createTensor(1, rows.length);
      let first = 0;
      attention.columns(widths, ...names).forEach((piece, i) => {
        const part = x.slice(first, first += widths[i]!);
        linear(context, out, tensorOf(context, part, part.length), piece, i === 0 ? undefined : out);
      });
      assertClose(readRows(context, out, 1, rows.length), matVec(rows, x), 1e-12, "sum of pieces");
      assert.throws(() => attention.columns([32, 33], "q_proj"), LoadError);
    }));
}

Deno.test("biases lie side by side; none is none, some are an error", () =>
  withTinyHead(
    { kind: "eagle", hasFcBias: true, hasQkvBias: true },
    ({ head }) =>
      withContext("portable", 1, (context) => {
        const weights = new Weights({ context, checkpoint: head, dtype: "float32" });
        const attention = weights.at("layers").at(0).at("self_attn"), reference = referenceWeights(head);
        const expected = ["q", "v"].flatMap((name) => [
          ...Array.from(reference(`layers.0.self_attn.${name}_proj.bias`)[0]!),
        ]);
        const bias = attention.bias("q_proj", "v_proj")!;
        assertClose(readRows(context, bias, 1, expected.length), expected, 0, "biases");
        assert.equal(attention.bias("o_proj"), undefined);
        assert.throws(() => attention.bias("q_proj", "o_proj"), /Cannot find tensor: .*o_proj\.bias/);
      }),
  ));
