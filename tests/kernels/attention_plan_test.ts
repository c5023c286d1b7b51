/**
 * The plan of attention, by itself in a native program and by what attention gives on several threads.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Context, TensorDtype } from "../../ffi/context.ts";
import * as ops from "../../ffi/ops.ts";
import { rowsOf, shuffled } from "../support/batches.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { ALL_ISAS, hasIsa, normals, readRows, tensorOf, withContext } from "../support/native.ts";

const root = join(import.meta.dirname!, "..", "..");

async function run(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  assert.equal(code, 0, `${command} ${args.join(" ")}\n${text}`);
  return text;
}

Deno.test("every row and head meets every block of its keys once, in order, on any number of workers", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const kernels = join(root, "kernels"), program = join(folder, "attention_plan");
    const sources = [
      join(root, "tests", "kernels", "native", "attention_plan.cpp"),
      join(kernels, "core", "attention_plan.cpp"),
    ];
    await run("g++", "-std=c++20", "-O1", "-Wall", "-Wextra", `-I${kernels}`, ...sources, "-o", program);
    assert.match(await run(program), /^[1-9]\d* plans hold$/m);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const HEADS = 6, KV_HEADS = 2, HEAD_DIM = 32, PAGE_SIZE = 16, COLS = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
/** Contexts and rows: few queries over many blocks of keys, a chunk, a tree. */
const BATCHES = [
  [{ prefix: 1500, rows: 1 }],
  [{ prefix: 700, rows: 1 }, { prefix: 20, rows: 2 }, { prefix: 255, rows: 1 }],
  [{ prefix: 600, rows: 40 }, { prefix: 300, rows: 1 }],
  [{ prefix: 510, rows: 5, parents: [-1, -1, 0, 1, 0] }, { prefix: 256, rows: 1 }],
];

/** Attention of all batches with rope and KV store fused into it, as a model runs it. */
function attended(context: Context, dtype: TensorDtype): Float32Array[] {
  const random = seededRandom(77);
  return BATCHES.map((sequences) => {
    const counts = sequences.map(({ prefix, rows }) => Math.ceil((prefix + rows) / PAGE_SIZE));
    const numPages = counts.reduce((sum, count) => sum + count), order = shuffled(numPages, random);
    let used = 0;
    const segments = sequences.map((sequence, s) => ({
      ...sequence,
      pages: order.slice(used, used += counts[s]!),
    }));
    const limits = { rows: 2200, segments: 3, pages: Math.max(...counts), outputs: 1 };
    const batch = context.createBatch(limits), qkv = context.batchTensor(batch, "rows", COLS);
    const angles = context.batchTensor(batch, "rows", HEAD_DIM);
    const out = context.batchTensor(batch, "rows", HEADS * HEAD_DIM);
    const frequencies = tensorOf(context, normals(random, HEAD_DIM / 2), HEAD_DIM / 2);
    const shape = { layers: 1, pages: numPages, pageSize: PAGE_SIZE, kvHeads: KV_HEADS, headDim: HEAD_DIM };
    const kv = context.createKv(shape, dtype);
    const graph = context.record(() => {
      ops.ropeAngles(context, angles, batch, frequencies, 1);
      ops.rope(context, qkv, angles, HEADS + KV_HEADS, HEAD_DIM);
      ops.kvStore(context, kv, qkv, batch, 0, HEADS);
      ops.attention(context, out, qkv, kv, batch, 0, HEADS, 0.2, 0, 0);
    });
    const prefixes = segments.map(({ prefix, pages }) => ({ prefix: 0, rows: prefix, pages }));
    const [, last] = [prefixes, segments].map((part) => {
      const rows = rowsOf(part, PAGE_SIZE);
      context.writeBatch(batch, rows);
      context.writeTensor(qkv, normals(random, rows.numRows * COLS), 0, rows.numRows);
      context.run(graph);
      return readRows(context, out, rows.numRows, HEADS * HEAD_DIM);
    });
    return last!;
  });
}

for (const isa of ALL_ISAS) {
  Deno.test({
    name: `split-KV and the number of threads change no bit of attention [${isa}]`,
    ignore: !hasIsa(isa),
    fn: () => {
      for (const dtype of ["float32", "float16", "bfloat16"] as const) {
        const expected = withContext(isa, 1, (context) => attended(context, dtype));
        for (const threads of [2, 3, 5, 8]) {
          withContext(isa, threads, (context) => attended(context, dtype)).forEach((rows, batch) =>
            assertSameBits(rows, expected[batch]!, `${dtype}, batch ${batch}, ${threads} threads`)
          );
        }
      }
    },
  });
}
