/**
 * Batch invariance of the CUDA kernels, bit for bit, on both kinds of device: `tests/kernels/invariance_test.ts` has the
 * same of the CPU's.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { StorageFormat } from "../../../runtime/contracts/storage_format.ts";
import type { VerifierConfig } from "../../../runtime/contracts/config.ts";
import type { Checkpoint } from "../../../runtime/contracts/checkpoint.ts";
import { type Arrangement, logitsOf } from "../../support/arrangements.ts";
import { seededRandom } from "../../support/block_formats.ts";
import { shuffled } from "../../support/batches.ts";
import { assertSameBits } from "../../support/close.ts";
import {
  forgetCounts,
  openSimulated,
  simCounts,
  SIMULATED,
  type Simulated,
  testEachSimulated,
} from "../../support/cuda_sim.ts";
import { ModelRunner, verifierConfig, withTinyCheckpoint } from "../../support/models.ts";
import { MOST_ROWS, rowOps, runRowOps } from "../../support/row_ops.ts";

const FORMATS = ["F32", "F16", "BF16", "int8", "Q4_0", "Q5_1", "Q8_0", "Q4_K", "Q6_K"] as const;

testEachSimulated("cuda: every op on rows gives the same bits for 1 to 65 rows", (simulated) => {
  using context = openSimulated(simulated);
  assert.match(context.describe(), new RegExp(` ${simulated.device},`));
  const all = rowOps(context, FORMATS);
  const expected = runRowOps(context, all, 1, MOST_ROWS);
  for (let rows = 2; rows <= MOST_ROWS; rows++) {
    for (const [name, actual] of runRowOps(context, all, rows, rows)) {
      assertSameBits(actual, expected.get(name)!.subarray(0, actual.length), `${name}, ${rows} rows`);
    }
  }
});

/** Past the 256 keys that attention takes at a time. */
const LENGTH = 270;

const ARRANGEMENTS: readonly Arrangement[] = [
  { name: "token by token past 256 keys", firstChunk: 246, chunk: 1 },
  { name: "chunks of 5", chunk: 5 },
  { name: "chunks of 16 on pages in another order", chunk: 16, pageSeed: 3 },
  { name: "chunks of 65 on pages of 64", chunk: 65, pageSize: 64, pageSeed: 4 },
  {
    name: "chunks of 7 among 2 others on pages of 32",
    firstChunk: 235,
    chunk: 7,
    numOthers: 2,
    pageSize: 32,
  },
  { name: "a graph, chunks of 6", graph: "recorded", firstChunk: 230, chunk: 6 },
  { name: "a prepared graph, one row", graph: { preparedRows: 1 }, firstChunk: 260, chunk: 1 },
  {
    name: "a prepared graph with room, among 2 others",
    graph: { preparedRows: 32 },
    firstChunk: 246,
    chunk: 5,
    numOthers: 2,
  },
];

/** Format of the weights and type of keys and values; on which devices, if not on both. */
type Model = readonly [
  format: StorageFormat,
  kvDtype: VerifierConfig["kvDtype"],
  simulated?: readonly Simulated[],
];

const MODELS: readonly Model[] = [
  ["BF16", "bfloat16"],
  ["Q6_K", "bfloat16", SIMULATED.slice(0, 1)],
  ["F32", "float32", SIMULATED.slice(0, 1)],
  ["F16", "float16", SIMULATED.slice(1)],
];

/** Runs `body` with a tiny model of a format, and with what starts it on a device. */
function withModel(
  [format, kvDtype]: Model,
  body: (start: (arrangement: Omit<Arrangement, "name">) => ModelRunner) => void,
  simulated: Simulated,
): Promise<void> {
  const wide = { hiddenSize: 256, intermediateSize: 256, headDim: 64 };
  const config = { ...(format === "Q6_K" && wide), numLayers: 1 };
  const dtype = format === "F16" ? "float16" : "auto";
  return withTinyCheckpoint(
    { kind: "gguf", seed: 3, format, config },
    (checkpoint: Checkpoint) =>
      body(({ pageSize = 16, graph }) => {
        const sizes = { maxRows: 1000, maxOutputs: 1000, maxTotalTokens: 2112, maxRunningRequests: 65 };
        return new ModelRunner(
          verifierConfig(checkpoint, { dtype, pageSize, kvDtype, ...sizes }),
          simulated,
          graph,
        );
      }),
  );
}

for (const model of MODELS) {
  testEachSimulated(
    `cuda: a whole model gives the same bits however a forward is arranged: ${model[0]}`,
    (simulated) =>
      withModel(model, (start) => {
        const run = (arrangement: Omit<Arrangement, "name">) => {
          using runner = start(arrangement);
          forgetCounts();
          const logits = logitsOf(runner, arrangement, LENGTH);
          const isPrepared = typeof arrangement.graph === "object";
          assert.equal(
            simCounts().graphLaunches > 0,
            isPrepared,
            "graphs are launched where they are prepared",
          );
          return logits;
        };
        const expected = run({});
        assert.ok(new Set(expected.map((row) => row.indexOf(Math.max(...row)))).size > 10, "rows differ");
        // All on one model, some on the others.
        for (const arrangement of ARRANGEMENTS.filter((_, i) => model === MODELS[0] || i % 3 === 1)) {
          run(arrangement).forEach((row, position) =>
            assertSameBits(row, expected[position]!, `${arrangement.name}, position ${position}`)
          );
        }
      }, simulated),
    model[2],
  );
}

/** Nodes whose parents are up to 20 before them: their paths have gaps across groups of 16 keys. */
function wideTree(random: () => number) {
  const parents = Int32Array.from({ length: 63 }, (_, i) => i - 1 - Math.floor(random() * Math.min(i, 20)));
  const tokens = Int32Array.from(parents, () => Math.floor(random() * 300));
  return { tokens, parents, probabilities: new Float32Array(63) };
}

for (const model of MODELS) {
  testEachSimulated(
    `cuda: a node of a tree gives the same bits as its path decoded: ${model[0]}`,
    (simulated) =>
      withModel(model, (start) => {
        using runner = start({});
        const random = seededRandom(17), pages = shuffled(24, random);
        // On either side of a group of 16 keys and of a chunk of 256.
        for (const prefix of [0, 9, 240]) {
          const before = Int32Array.from({ length: prefix + 1 }, () => Math.floor(random() * 300));
          const tree = wideTree(random), { parents } = tree;
          const actual = runner.forward([{ tokens: before, start: 0, pages, tree }]).slice(prefix);
          const isParent = new Set(parents);
          for (const leaf of parents.keys().filter((node) => !isParent.has(node))) {
            const path = [leaf];
            while (parents[path[0]!]! >= 0) path.unshift(parents[path[0]!]!);
            const tokens = Int32Array.of(before[prefix]!, ...path.map((node) => tree.tokens[node]!));
            // The rows write their KV over the tree's.
            runner.forward([{ tokens, start: prefix, pages }]).forEach((row, i) => {
              const node = i === 0 ? -1 : path[i - 1]!;
              assertSameBits(actual[1 + node]!, row, `node ${node} on the way to ${leaf} after ${prefix}`);
            });
          }
        }
      }, simulated),
    model[2],
  );
}

testEachSimulated(
  "cuda: a decode step gives the same bits for 1 to 65 sequences",
  (simulated) =>
    withModel(["BF16", "bfloat16"], (start) => {
      using runner = start({});
      const sequences = Array.from({ length: 65 }, (_, i) => ({
        prompt: Int32Array.from({ length: 10 + i % 9 }, (_, at) => (at * 53 + i * 97 + 5) % 300),
        token: (i * 7 + 3) % 300,
        pages: Int32Array.of(64 - i, 65 + i),
      }));
      runner.forward(sequences.map(({ prompt: tokens, pages }) => ({ tokens, start: 0, pages })));
      const decode = (some: typeof sequences) =>
        runner.forward(some.map(({ prompt: { length: start }, token, pages }) => (
          { tokens: Int32Array.of(token), start, pages }
        )));
      const alone = sequences.map((one) => decode([one])[0]!);
      for (let number = 2; number <= 65; number++) {
        decode(sequences.slice(0, number)).forEach((row, i) =>
          assertSameBits(row, alone[i]!, `sequence ${i} of ${number}`)
        );
      }
    }, simulated),
);
