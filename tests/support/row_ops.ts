/**
 * Ops that map rows to rows, for tests of what a row's result may depend on.
 *
 * @module
 */
import type { StorageFormat } from "../../runtime/contracts/storage_format.ts";
import type { Context, Dtype } from "../../ffi/context.ts";
import type { TensorId } from "../../ffi/handles.ts";
import * as ops from "../../ffi/ops.ts";
import { randomRow, seededRandom } from "./block_formats.ts";
import { mapBytes, normals, readRows, tensorOf } from "./native.ts";

/** Most rows that {@linkcode runRowOps} computes. */
export const MOST_ROWS = 65;

const COLS = 256, WEIGHT_ROWS = 50;
const DTYPES: Partial<Record<StorageFormat, keyof typeof Dtype>> = { F16: "float16", BF16: "bfloat16" };

/** An op on whole rows: `run` maps a tensor [rows, inputs] to one of [rows, outputs]. */
export interface RowOp {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  run(context: Context, out: TensorId, x: TensorId): void;
}

/** Linear of weights in these formats, or of float32 ones that are quantised to int8; norms, gates and what is done to every number. */
export function rowOps(context: Context, formats: readonly (StorageFormat | "int8")[]): RowOp[] {
  const random = seededRandom(91);
  const linears = formats.map((kind): RowOp => {
    const format = kind === "int8" ? "F32" : kind, dtype = kind === "int8" ? "int8" : DTYPES[kind];
    const stored = Array.from({ length: WEIGHT_ROWS }, () => randomRow(format, COLS, random));
    const file = mapBytes(context, new Uint8Array(stored.flatMap((row) => [...row])));
    const weight = context.createWeight(WEIGHT_ROWS, COLS);
    context.appendWeight(weight, { file, offset: 0, format }, WEIGHT_ROWS, 0);
    context.packWeight(weight, dtype ?? "float32");
    const run = (_: Context, out: TensorId, x: TensorId) => ops.linear(context, out, x, weight);
    return { name: `linear ${kind}`, inputs: COLS, outputs: WEIGHT_ROWS, run };
  });
  const scale = tensorOf(context, normals(random, COLS), COLS),
    groupScale = tensorOf(context, normals(random, 80), 80);
  return [
    ...linears,
    {
      name: "rms_norm",
      inputs: COLS,
      outputs: COLS,
      run: (_, out, x) => ops.rmsNorm(context, out, x, scale, 1e-5),
    },
    { name: "silu_mul", inputs: COLS, outputs: COLS / 2, run: (_, out, x) => ops.siluMul(context, out, x) },
    { name: "gelu_mul", inputs: COLS, outputs: COLS / 2, run: (_, out, x) => ops.geluMul(context, out, x) },
    {
      name: "add, group_norm, scale and soft_cap",
      inputs: COLS,
      outputs: COLS,
      run(_, out, x) {
        ops.add(context, out, x, x, 0.3);
        ops.groupNorm(context, out, groupScale, 80, 2, 1e-5);
        ops.scale(context, out, 1.7);
        ops.softCap(context, out, 2);
      },
    },
  ];
}

/** Result of every op for the first `numRows` of some rows, computed `rowsAtOnce` at a time. */
export function runRowOps(
  context: Context,
  rowOps: readonly RowOp[],
  rowsAtOnce: number,
  numRows: number,
): Map<string, Float32Array<ArrayBuffer>> {
  const x = normals(seededRandom(92), MOST_ROWS * COLS);
  return new Map(rowOps.map(({ name, inputs, outputs, run }) => {
    const all = new Float32Array(numRows * outputs);
    for (let first = 0; first < numRows; first += rowsAtOnce) {
      const rows = Math.min(rowsAtOnce, numRows - first);
      const input = tensorOf(context, x.slice(first * inputs, (first + rows) * inputs), inputs);
      const out = context.createTensor(rows, outputs);
      run(context, out, input);
      all.set(readRows(context, out, rows, outputs), first * outputs);
      for (const tensor of [input, out]) context.releaseTensor(tensor);
    }
    return [name, all];
  }));
}
