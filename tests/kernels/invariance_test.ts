/**
 * Batch invariance, bit for bit: a row's result does not depend on the other rows of the forward, on chunking, pages,
 * threads, or on whether a graph is replayed.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { StorageFormat } from "../../runtime/contracts/storage_format.ts";
import * as ops from "../../ffi/ops.ts";
import { type Arrangement, logitsOf } from "../support/arrangements.ts";
import { seededRandom } from "../support/block_formats.ts";
import { rowsOf, type SegmentRows, shuffled } from "../support/batches.ts";
import { assertSameBits } from "../support/close.ts";
import { ModelRunner, verifierConfig, withTinyCheckpoint } from "../support/models.ts";
import { ALL_ISAS, hasIsa, type Isa, normals, readRows, withContext } from "../support/native.ts";
import { rowOps, runRowOps } from "../support/row_ops.ts";

const FORMATS: readonly StorageFormat[] = ["F32", "F16", "BF16", "Q4_1", "Q5_0", "Q8_0", "Q4_K", "Q6_K"];

const isaCases = (name: string, body: (isa: Isa) => void | Promise<void>) => {
  for (const isa of ALL_ISAS) {
    Deno.test({
      name: `${name} [${isa}]`,
      ignore: !hasIsa(isa),
      fn: () => body(isa),
    });
  }
};

isaCases("every op on rows gives the same bits for any number of rows and threads", (isa) => {
  const expected = withContext(isa, 1, (context) => runRowOps(context, rowOps(context, FORMATS), 1, 64));
  for (const threads of [1, 2, 3, 4]) {
    withContext(isa, threads, (context) => {
      const all = rowOps(context, FORMATS);
      for (
        const rowsAtOnce of threads === 1 ? [2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 33, 64] : [1, 3, 4, 16, 64]
      ) {
        for (const [name, actual] of runRowOps(context, all, rowsAtOnce, 64)) {
          assertSameBits(actual, expected.get(name)!, `${name}, ${rowsAtOnce} rows, ${threads} threads`);
        }
      }
    });
  }
});

const ARRANGEMENTS: readonly Arrangement[] = [
  { name: "token by token", chunk: 1 },
  { name: "chunks of 5", chunk: 5 },
  { name: "chunks of 16", chunk: 16, threads: 2 },
  { name: "chunks of 64, 3 threads", chunk: 64, threads: 3 },
  { name: "4 threads", threads: 4 },
  { name: "pages of 32", pageSize: 32 },
  { name: "pages of 64 in another order", pageSize: 64, pageSeed: 3 },
  { name: "among 3 others", numOthers: 3, chunk: 7, threads: 2 },
  { name: "token by token among 7 others", numOthers: 7, chunk: 1 },
  { name: "replayed", graph: "recorded" },
  {
    name: "replayed token by token among others, 2 threads",
    graph: "recorded",
    chunk: 1,
    numOthers: 4,
    threads: 2,
  },
  { name: "replayed in chunks of 6, 3 threads", graph: "recorded", chunk: 6, threads: 3, pageSize: 32 },
];

/** Past the 256 keys that attention takes at a time. */
const LENGTH = 270;

const MODELS: readonly (readonly [StorageFormat, "float32" | "bfloat16"])[] = [
  ["F32", "float32"],
  ["BF16", "bfloat16"],
  ["Q4_1", "bfloat16"],
  ["Q6_K", "bfloat16"],
];

for (const [format, kvDtype] of MODELS) {
  isaCases(`a whole model gives the same bits however a forward is arranged: ${format}`, (isa) => {
    const wide = { hiddenSize: 256, intermediateSize: 256, numHeads: 8, numLayers: 1 };
    const config = format === "Q6_K" ? wide : { numHeads: 6 };
    return withTinyCheckpoint({ kind: "gguf", seed: 3, format, config }, (checkpoint) => {
      const run = (arrangement: Arrangement) => {
        const { threads = 1, pageSize = 16, graph } = arrangement;
        const sizes = { maxRows: 600, maxOutputs: 600, maxTotalTokens: 4096 };
        const verifier = verifierConfig(checkpoint, { threads, pageSize, kvDtype, ...sizes });
        using runner = new ModelRunner(verifier, isa, graph);
        return logitsOf(runner, arrangement, LENGTH);
      };
      const expected = run({ name: "plain" });
      assert.equal(
        new Set(expected.map((row) => row.indexOf(Math.max(...row)))).size > 10,
        true,
        "rows differ",
      );
      for (const arrangement of ARRANGEMENTS) {
        run(arrangement).forEach((row, position) =>
          assertSameBits(row, expected[position]!, `${arrangement.name}, position ${position}`)
        );
      }
    });
  });
}

isaCases(
  "a node of a draft tree gives the same bits as its path decoded",
  (isa) =>
    withContext(isa, 2, (context) => {
      const shape = { layers: 1, pages: 36, pageSize: 16, kvHeads: 1, headDim: 32 };
      const numHeads = 3, cols = 5 * 32, outCols = numHeads * 32, numNodes = 40;
      const random = seededRandom(93), pages = shuffled(shape.pages, random);
      const branching = Array.from({ length: numNodes }, (_, i) =>
        i - 1 - Math.floor(random() * Math.min(i, 6)));
      const chain = Array.from({ length: numNodes }, (_, i) =>
        i - 1);
      // Around the 16 keys that share a block of KV, and the 256 that attention takes at a time.
      const prefixes = [0, 9, 16, 216, 250, 256, 257, 331, 513];
      const cases = [
        ...prefixes.map((prefix) => [prefix, "bfloat16"] as const),
        ...[9, 250, 331].map((prefix) => [prefix, "float16"] as const),
      ];
      for (const [prefix, dtype] of cases) {
        const batch = context.createBatch({ rows: prefix + numNodes, segments: 1, pages: 36, outputs: 1 });
        const kv = context.createKv(shape, dtype), qkv = context.batchTensor(batch, "rows", cols);
        const out = context.batchTensor(batch, "rows", outCols);
        const x = normals(random, (prefix + numNodes) * cols);
        const rowsOfX = (indices: readonly number[]) =>
          Float32Array.from(indices.flatMap((i) => [...x.subarray(i * cols, (i + 1) * cols)]));
        const run = (segment: SegmentRows, input: Float32Array<ArrayBuffer>) => {
          context.writeBatch(batch, rowsOf([segment], 16));
          context.writeTensor(qkv, input, 0, segment.rows);
          ops.kvStore(context, kv, qkv, batch, 0, numHeads);
          ops.attention(context, out, qkv, kv, batch, 0, numHeads, 0.2, 0, 0);
          return readRows(context, out, segment.rows, outCols);
        };
        const before = Array.from({ length: prefix }, (_, i) => i);
        for (const parents of [chain, branching]) {
          if (prefix > 0) run({ prefix: 0, rows: prefix, pages }, rowsOfX(before));
          const tree = run({ prefix, rows: numNodes, pages, parents }, x.slice(prefix * cols));
          for (let node = 0; node < numNodes; node++) {
            const path: number[] = [];
            for (let at = node; at >= 0; at = parents[at]!) path.unshift(prefix + at);
            const straight = run(
              { prefix: 0, rows: prefix + path.length, pages },
              rowsOfX([...before, ...path]),
            );
            assertSameBits(
              tree.subarray(node * outCols, (node + 1) * outCols),
              straight.subarray(straight.length - outCols),
              `node ${node} after ${prefix}, ${dtype}`,
            );
          }
        }
      }
    }),
);
