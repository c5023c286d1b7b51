/**
 * `aerie_route`, `aerie_expert_linear` and `aerie_expert_sum` against float64, and against what each row gives alone.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Context } from "../../ffi/context.ts";
import type { WeightId } from "../../ffi/handles.ts";
import * as ops from "../../ffi/ops.ts";
import type { StorageFormat } from "../../runtime/contracts/storage_format.ts";
import { dequantizeRow, randomRow, seededRandom } from "../support/block_formats.ts";
import { shuffled } from "../support/batches.ts";
import { assertClose, assertEachClose, assertSameBits } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { refuses, Status } from "../support/misuse.ts";
import { normals, readRows, tensorOf } from "../support/native.ts";

/** Experts and weights of one row, in plain numbers. */
function routed(logits: Float32Array, topK: number, normalise: boolean): number[] {
  const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, topK);
  const weights = [...logits].map((logit) => Math.exp(logit - logits[order[0]!]!));
  const chosen = order.map((expert) => weights[expert]!);
  const sum = (normalise ? chosen : weights).reduce((a, b) => a + b);
  return [...order, ...chosen.map((weight) => weight / sum)];
}

testEachBackend("route chooses the most probable experts, ties to the lower one", (context) => {
  const random = seededRandom(71);
  for (const [experts, topK] of [[1, 1], [5, 2], [8, 2], [60, 4], [128, 8], [33, 33], [1000, 16]] as const) {
    for (const normalise of [false, true]) {
      const rows = 9;
      // Few different logits, so that many are equal.
      const logits = normals(random, rows * experts).map((value) => Math.round(value * 3) / 2);
      const out = context.createTensor(rows, 2 * topK);
      ops.route(context, out, tensorOf(context, logits, experts), topK, normalise);
      const actual = readRows(context, out, rows, 2 * topK);
      for (let row = 0; row < rows; row++) {
        const expected = routed(logits.subarray(row * experts, (row + 1) * experts), topK, normalise);
        const of = actual.subarray(row * 2 * topK, (row + 1) * 2 * topK), label = `${topK} of ${experts}`;
        assert.deepEqual([...of.subarray(0, topK)], expected.slice(0, topK), label);
        assertEachClose(of.subarray(topK), expected.slice(topK), 1e-6, label);
      }
    }
  }
});

testEachBackend("route names experts that there are, whatever the logits are", (context) => {
  const rows = [[NaN, 1, NaN, 2, NaN], [NaN, NaN, NaN, NaN, NaN], [-Infinity, NaN, -Infinity, 0, -Infinity]];
  const out = context.createTensor(3, 6);
  ops.route(context, out, tensorOf(context, Float32Array.from(rows.flat()), 5), 3, true);
  const actual = readRows(context, out, 3, 6);
  assert.deepEqual([0, 1, 2].map((row) => [...actual.subarray(row * 6, row * 6 + 3)]), [
    [3, 1, 0],
    [0, 1, 2],
    [3, 0, 2],
  ]);
});

interface Shape {
  readonly experts: number;
  readonly topK: number;
  readonly parts: number;
  /** Rows of an expert's part of the weight. */
  readonly n: number;
  readonly cols: number;
  readonly hasOwnRows: boolean;
}

const SHAPES: readonly Shape[] = [
  { experts: 5, topK: 2, parts: 2, n: 48, cols: 64, hasOwnRows: false },
  { experts: 5, topK: 2, parts: 1, n: 64, cols: 96, hasOwnRows: true },
  { experts: 60, topK: 4, parts: 2, n: 7, cols: 32, hasOwnRows: false },
  { experts: 8, topK: 8, parts: 1, n: 20, cols: 544, hasOwnRows: true },
];
const LARGE: Shape = { experts: 3, topK: 2, parts: 2, n: 40, cols: 512, hasOwnRows: false };
const FORMATS: readonly StorageFormat[] = ["F32", "F16", "BF16", "Q4_0", "Q5_1", "Q8_0"];

/** Which experts rows go to; the first rows all go to the same ones. */
function routingOf(context: Context, { experts, topK }: Shape, rows: number) {
  const random = seededRandom(experts);
  const numbers = Array.from(
    { length: rows },
    (_, row) => (row > 2 ? [...shuffled(experts, random)] : [...Array(experts).keys()]).slice(0, topK),
  );
  const weights = numbers.map((chosen) => chosen.map(() => random()));
  const values = numbers.flatMap((chosen, row) => [...chosen, ...weights[row]!]);
  return { numbers, weights, tensor: tensorOf(context, Float32Array.from(values), 2 * topK) };
}

/** The rows of a weight as a file has them. */
function storedRows({ experts, parts, n, cols }: Shape, format: StorageFormat): Uint8Array[] {
  const random = seededRandom(cols);
  return Array.from({ length: parts * experts * n }, () => randomRow(format, cols, random));
}

/** The weight, appended expert by expert or at once. */
function weightOf(context: Context, shape: Shape, format: StorageFormat, byExpert: boolean): WeightId {
  const stored = storedRows(shape, format), rows = stored.length, rowBytes = stored[0]!.length;
  const file = context.createFile(new Uint8Array(stored.flatMap((row) => [...row])));
  const weight = context.createWeight(rows, shape.cols), step = byExpert ? shape.n : rows;
  for (let row = 0; row < rows; row += step) {
    context.appendWeight(weight, { file, offset: row * rowBytes, format }, step, 0);
  }
  context.packWeight(weight, format === "F32" ? "float32" : format === "F16" ? "float16" : "bfloat16");
  context.closeFile(file);
  return weight;
}

function inputs({ topK, cols, hasOwnRows }: Shape, rows: number): Float32Array<ArrayBuffer> {
  return normals(seededRandom(cols + 1), rows * (hasOwnRows ? topK : 1) * cols);
}

/** What expert_linear has to give, made once for all backends. */
const expectedProducts = new Map<string, Float64Array>();

function productsOf(
  shape: Shape,
  format: StorageFormat,
  rows: number,
  numbers: readonly number[][],
): Float64Array {
  const key = JSON.stringify([shape, format, rows]), known = expectedProducts.get(key);
  if (known) return known;
  const { topK, parts, experts, n, cols, hasOwnRows } = shape, width = parts * topK * n;
  const x = inputs(shape, rows),
    values = storedRows(shape, format).map((row) => dequantizeRow(format, row, cols));
  const products = Float64Array.from({ length: rows * width }, (_, at) => {
    const row = Math.floor(at / width), part = Math.floor(at % width / (topK * n));
    const place = Math.floor(at / n) % topK, expert = numbers[row]![place]!;
    const first = (hasOwnRows ? row * topK + place : row) * cols;
    return values[(part * experts + expert) * n + at % n]!.reduce((sum, w, k) => sum + w * x[first + k]!, 0);
  });
  expectedProducts.set(key, products);
  return products;
}

testEachBackend("expert_linear multiplies by the experts of each row", (context) => {
  for (const shape of SHAPES) {
    const { topK, parts, experts, n, cols } = shape, width = parts * topK * n;
    for (const format of FORMATS) {
      const weight = weightOf(context, shape, format, format !== "Q8_0");
      for (const rows of [1, 3, 19]) {
        const routing = routingOf(context, shape, rows), x = inputs(shape, rows);
        const out = context.createTensor(rows, width);
        ops.expertLinear(context, out, tensorOf(context, x, x.length / rows), weight, routing.tensor, parts);
        const label = `${topK} of ${experts}, [${n}, ${cols}], ${format}, ${rows} rows`;
        const expected = productsOf(shape, format, rows, routing.numbers);
        // Others have inputs of 16 or 8 bits.
        assertClose(readRows(context, out, rows, width), expected, format === "F32" ? 1e-12 : 1e-4, label);
      }
    }
  }
});

testEachBackend(
  "expert_linear gives a row the same bits beside any others, and appended in one or in parts",
  (context) => {
    for (const shape of [...SHAPES.slice(0, 3), LARGE]) {
      const { topK, parts, n } = shape, width = parts * topK * n, rows = 65;
      for (const format of ["F32", "BF16", "Q4_0"] as const) {
        const whole = weightOf(context, shape, format, false);
        const apart = weightOf(context, shape, format, true);
        const routing = routingOf(context, shape, rows), x = inputs(shape, rows), inputCols = x.length / rows;
        const route = readRows(context, routing.tensor, rows, 2 * topK);
        const run = (first: number, count: number, weight = whole) => {
          const out = context.createTensor(count, width);
          const some = tensorOf(context, x.slice(first * inputCols, (first + count) * inputCols), inputCols);
          const its = tensorOf(context, route.slice(first * 2 * topK, (first + count) * 2 * topK), 2 * topK);
          ops.expertLinear(context, out, some, weight, its, parts);
          return readRows(context, out, count, width);
        };
        const expected = run(0, rows), label = `${topK} of ${shape.experts}, ${format}`;
        assertSameBits(run(0, rows, apart), expected, `${label}, in parts`);
        for (const count of [1, 2, 9, 33]) {
          for (const first of [0, 1, 32]) {
            const same = expected.subarray(first * width, (first + count) * width);
            assertSameBits(run(first, count), same, `${label}, ${count} rows from ${first}`);
          }
        }
      }
    }
  },
);

testEachBackend("expert_linear writes nothing for numbers that no expert has", (context) => {
  const shape: Shape = { experts: 5, topK: 3, parts: 1, n: 16, cols: 32, hasOwnRows: false };
  const weight = weightOf(context, shape, "F32", false);
  const routing = tensorOf(context, Float32Array.of(5, NaN, -1, 1, 1, 1), 6),
    out = context.createTensor(1, 48);
  ops.expertLinear(context, out, tensorOf(context, inputs(shape, 1), 32), weight, routing, 1);
  assertSameBits(readRows(context, out, 1, 48), new Float32Array(48), "untouched");
});

testEachBackend("expert_sum adds the experts by their weights in the order of routing", (context) => {
  for (const [topK, n] of [[1, 1], [2, 100], [8, 577]] as const) {
    const rows = 7, x = normals(seededRandom(n), rows * topK * n);
    const routing = routingOf(context, { experts: 9, topK, parts: 1, n, cols: 1, hasOwnRows: true }, rows);
    const out = context.createTensor(rows, n);
    ops.expertSum(context, out, tensorOf(context, x, topK * n), routing.tensor);
    const expected = Float64Array.from({ length: rows * n }, (_, at) => {
      const row = Math.floor(at / n);
      return routing.weights[row]!.reduce(
        (sum, w, place) => sum + w * x[(row * topK + place) * n + at % n]!,
        0,
      );
    });
    assertEachClose(readRows(context, out, rows, n), expected, 2e-6, `${topK} of ${n}`);
  }
});

refuses(
  "more experts a row than there are",
  (b) => ops.route(b.context, b.rows(12), b.rows(5), 6, true),
  Status.badArgument,
  /route: top_k is 6, expected 1\.\.5/,
);
refuses(
  "a routing of odd columns",
  (b) => ops.expertSum(b.context, b.rows(4), b.rows(8), b.rows(5)),
  Status.badShape,
  /expert_sum: routing has 5 columns/,
);
refuses(
  "experts of a weight that they do not share evenly",
  (b) => ops.expertLinear(b.context, b.rows(6), b.rows(32), b.weight, b.rows(4), 1),
  Status.badShape,
  /expert_linear: out has 6 columns and weight 5 rows, of 1 parts and 2 experts a row/,
);
refuses(
  "inputs of another width",
  (b) => ops.expertLinear(b.context, b.rows(10), b.rows(33), b.weight, b.rows(4), 1),
  Status.badShape,
  /expert_linear: x has 33 columns, expected 64/,
);
