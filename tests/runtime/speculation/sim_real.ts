/**
 * The law of speculation on CUDA's kernels, as the simulator runs them, for the real model in bfloat16: 8 tokens with and
 * without its EAGLE-3 head. It takes many minutes; `deno task test:sim-real` runs it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Checkpoint, TensorSource } from "../../../runtime/contracts/checkpoint.ts";
import { loadTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { dequantizeRow, encodeFloatRow } from "../../support/block_formats.ts";
import { simulate } from "../../support/cuda_sim.ts";
import { shapeArgs, start } from "../../support/law.ts";
import { needsModel } from "../../support/model_file.ts";
import { collect, requestOf } from "../../support/test_engine.ts";

const NUM_TOKENS = 8;

/** The checkpoint with its quantised matrices in bfloat16, in a file of their own at `path`. */
function inBfloat16(checkpoint: Checkpoint, path: string): Checkpoint {
  using out = Deno.openSync(path, { write: true, create: true });
  const tensors = new Map<string, TensorSource>();
  let offset = 0;
  for (const [name, source] of checkpoint.tensors) {
    const { shape: [rows = 1, cols], file, format } = source;
    if (cols === undefined || format === "F32") {
      tensors.set(name, source);
      continue;
    }
    const rowBytes = source.bytes / rows, bytes = new Uint8Array(rows * cols * 2);
    const stored = readFileSync(file).subarray(source.offset, source.offset + source.bytes);
    for (let row = 0; row < rows; row++) {
      const values = dequantizeRow(format, stored.subarray(row * rowBytes, (row + 1) * rowBytes), cols);
      bytes.set(encodeFloatRow("BF16", values), row * cols * 2);
    }
    for (let at = 0; at < bytes.length;) at += out.writeSync(bytes.subarray(at));
    tensors.set(name, { ...source, file: path, offset, bytes: bytes.length, format: "BF16" });
    offset += bytes.length;
  }
  return { ...checkpoint, tensors, files: [...checkpoint.files, path], dtype: "bfloat16" };
}

const { path, ignore } = needsModel();

Deno.test({ name: "the real model in bfloat16 says the same with its EAGLE-3 head", ignore }, async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { checkpoint, tokenizerSource } = await openCheckpoint(await resolveModel(path));
    const target = { checkpoint: inBfloat16(checkpoint, `${folder}/weights`), tokenizerSource };
    const prompt = [...loadTokenizer(tokenizerSource, {}).encode("The capital of France is")];
    const say = async (args: Parameters<typeof start>[1]) => {
      // A pool of few tokens keeps the trials at start small, too.
      const limits = { maxRunningRequests: 1, maxTotalTokens: 32, contextLength: 32, cudaGraphMaxBs: 1 };
      await using engine = await start({ target, on: simulate() }, { ...limits, ...args });
      const sampling = { temperature: 0, maxTokens: NUM_TOKENS, ignoreEos: true };
      return await collect(engine.generate(requestOf("r", prompt, sampling)));
    };
    const plain = await say({ speculativeAlgorithm: "NONE" });
    const drafted = await say({
      speculativeAlgorithm: "EAGLE3",
      speculativeDraftModelPath: "heads/eagle3-smollm2-135m",
      ...shapeArgs([3, 2, 4]),
    });
    assert.equal(plain.tokens.length, NUM_TOKENS);
    assert.deepEqual([drafted.tokens, drafted.text], [plain.tokens, plain.text]);
    assert.ok(drafted.usage.speculation!.numAccepted > 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
