/**
 * `aerie_linear` for every storage format against float64 products of the dequantised weights.
 *
 * @module
 */
import type { StorageFormat } from "../../runtime/contracts/storage_format.ts";
import type { Context, Dtype } from "../../ffi/context.ts";
import type { WeightId } from "../../ffi/handles.ts";
import { linear } from "../../ffi/ops.ts";
import { dequantizeRow, normal, type Random, randomRow, seededRandom } from "../support/block_formats.ts";
import { assertClose } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { mapBytes, normals, readRows, tensorOf } from "../support/native.ts";
import { matVec, roundedToBfloat16, roundedToInt8, type Row } from "../support/reference.ts";

interface Part {
  readonly format: StorageFormat;
  readonly rows: number;
  /** Rows lie in the file as rotary pairs of heads this wide. */
  readonly interleavedHeadDim?: number;
}

interface Case {
  readonly parts: readonly Part[];
  readonly cols: number;
  readonly dtype?: keyof typeof Dtype;
}

const ROWS_OF_X = [1, 2, 3, 4, 7, 8, 9, 16, 33, 64];
/** The same on the simulator, which takes long; tests/kernels/cuda has the others. */
const ROWS_OF_X_SIMULATED = [1, 7, 33];
const FLOATS: ReadonlySet<StorageFormat> = new Set(["F32", "F16", "BF16"]);

/**
 * Largest NMSE against the same input as the kernel has (rounded to int8 for block formats). Beyond float32 sums there
 * is only repacking: K-quants and IQ4_XS round scale times sub-scale to float16, Q6_K and Q2_K become 8 bits per 32.
 */
const TIGHT: Record<StorageFormat, number> = {
  F32: 1e-12,
  F16: 1e-12,
  BF16: 1e-12,
  Q4_0: 1e-12,
  Q4_1: 1e-12,
  Q5_0: 1e-12,
  Q5_1: 1e-12,
  Q8_0: 1e-12,
  Q4_K: 1e-6,
  Q5_K: 1e-6,
  Q6_K: 1e-4,
  Q2_K: 1e-4,
  Q3_K: 1e-12,
  IQ4_NL: 1e-12,
  IQ4_XS: 1e-6,
  MXFP4: 1e-12,
};
/** The same on AMX where weights are kept as bfloat16: it takes their input to 16 bits. */
const TILED = 1e-10;
/** The same on tensor cores, which take 16-bit input and cut sums of 16 products off below their largest one's bits. */
const CUT_OFF = 1e-10;
/** Largest NMSE of block formats against the exact input: rounding x to 8 bits per 32 costs about 4e-5. */
const LOOSE = 1e-4;
/** Fewer results than this are no sample for an error that is not just float32's: one may be near zero. */
const FEW = 50;

const one = (format: StorageFormat, rows: number, cols: number, dtype?: keyof typeof Dtype): Case => ({
  parts: [{ format, rows }],
  cols,
  ...(dtype ? { dtype } : {}),
});

const BLOCK_FORMATS: readonly StorageFormat[] = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "IQ4_NL", "MXFP4"];
const K_FORMATS: readonly StorageFormat[] = ["Q4_K", "Q5_K", "Q6_K", "Q2_K", "Q3_K", "IQ4_XS"];

const CASES: readonly Case[] = [
  ...([["F32", "float32"], ["F16", "float16"], ["BF16", "bfloat16"]] as const).flatMap(([format, dtype]) => [
    one(format, 1, 1, dtype),
    one(format, 50, 37, dtype),
    one(format, 96, 64, dtype),
    one(format, 33, 131, dtype),
    one(format, 40, 576, dtype),
  ]),
  one("F32", 40, 48, "bfloat16"),
  one("F16", 40, 48, "float32"),
  one("BF16", 40, 48, "float32"),
  ...BLOCK_FORMATS.flatMap((format) => [
    one(format, 1, 32),
    one(format, 50, 96),
    one(format, 96, 576),
    one(format, 31, 64),
  ]),
  ...K_FORMATS.flatMap((format) => [one(format, 1, 256), one(format, 50, 256), one(format, 64, 768)]),
  {
    parts: [{ format: "Q4_1", rows: 50 }, { format: "Q6_K", rows: 17 }, { format: "Q8_0", rows: 40 }],
    cols: 256,
  },
  {
    parts: [{ format: "Q4_K", rows: 33 }, { format: "F32", rows: 7 }, { format: "Q5_K", rows: 32 }],
    cols: 256,
  },
  { parts: [{ format: "BF16", rows: 5 }, { format: "F32", rows: 40 }], cols: 33, dtype: "bfloat16" },
  {
    parts: [
      { format: "Q4_0", rows: 96, interleavedHeadDim: 32 },
      { format: "Q4_0", rows: 64, interleavedHeadDim: 32 },
      { format: "Q4_0", rows: 64 },
    ],
    cols: 64,
  },
  { parts: [{ format: "F32", rows: 48, interleavedHeadDim: 16 }, { format: "F32", rows: 10 }], cols: 24 },
];

/** The file's row that a part's row `row` is read from: pairs (i, i + n / 2) of a head lie side by side. */
function sourceRow({ interleavedHeadDim: width }: Part, row: number): number {
  if (!width) return row;
  const head = row - row % width, i = row % width, half = width / 2;
  return i < half ? head + 2 * i : head + 2 * (i - half) + 1;
}

/** A random packed weight and its rows in float64, as far as the format keeps them. */
function makeWeight(context: Context, { parts, cols, dtype = "float32" }: Case, random: Random) {
  const weight: WeightId = context.createWeight(parts.reduce((sum, part) => sum + part.rows, 0), cols);
  const rows = parts.flatMap((part) => {
    const stored = Array.from({ length: part.rows }, () => randomRow(part.format, cols, random));
    // A few bytes in front: a tensor seldom starts where its file does.
    const bytes = new Uint8Array(24 + part.rows * stored[0]!.length);
    stored.forEach((row, i) => bytes.set(row, 24 + i * row.length));
    const range = { file: mapBytes(context, bytes), offset: 24, format: part.format };
    context.appendWeight(weight, range, part.rows, part.interleavedHeadDim ?? 0);
    return stored.map((_, i): Row => {
      const values = dequantizeRow(part.format, stored[sourceRow(part, i)]!, cols);
      return FLOATS.has(part.format) && dtype === "bfloat16" ? roundedToBfloat16(values) : values;
    });
  });
  context.packWeight(weight, dtype);
  return { weight, rows };
}

/** The input of a product as a backend's kernels for a weight of fewer bits than float32 take it. */
function roundedInput(context: Context, x: Row, dtype: Case["dtype"]): Row {
  if (!isCuda(context)) return roundedToInt8(x);
  return dtype === "float16" ? Float64Array.from(x, (value) => Math.f16round(value)) : roundedToBfloat16(x);
}

function isCuda(context: Context): boolean {
  return context.describe().startsWith("cuda");
}

/** Compares `actual` [rows of x, weight rows] part by part: each format has its own bound. */
function assertParts(
  actual: Float32Array,
  exact: Row[],
  rounded: Row[],
  { parts, dtype }: Case,
  label: string,
  device: string,
): void {
  const isTiled = device.startsWith("cpu amx"), isCuda = device.startsWith("cuda");
  const total = parts.reduce((sum, part) => sum + part.rows, 0);
  let first = 0;
  for (const { format, rows } of parts) {
    const take = (all: Row[]) => all.flatMap((row) => Array.from(row).slice(first, first + rows));
    const got = exact.flatMap((_, i) => [...actual.subarray(i * total + first, i * total + first + rows)]);
    const name = `${label} ${format} [${first}, ${first + rows})`;
    const few = got.length < FEW;
    if (isCuda && !(FLOATS.has(format) && (dtype ?? "float32") === "float32")) {
      if (!few || !K_FORMATS.includes(format)) {
        assertClose(got, take(rounded), Math.max(CUT_OFF, TIGHT[format]), `${name}, input of 16 bits`);
      }
    } else if (FLOATS.has(format)) {
      assertClose(got, take(exact), isTiled && dtype === "bfloat16" ? TILED : TIGHT[format], name);
    } else {
      if (!few || !K_FORMATS.includes(format)) {
        assertClose(got, take(rounded), TIGHT[format], `${name}, int8 input`);
      }
      if (!few) assertClose(got, take(exact), LOOSE, `${name}, exact input`);
    }
    first += rows;
  }
}

testEachBackend("linear matches float64 for every format and number of rows", (context) => {
  const random = seededRandom(11);
  for (const item of CASES) {
    const { cols } = item;
    const { weight, rows } = makeWeight(context, item, random);
    const x = normals(random, 64 * cols);
    const inputs = Array.from({ length: 64 }, (_, r) => x.subarray(r * cols, (r + 1) * cols));
    const exact = inputs.map((row) => matVec(rows, row));
    const rounded = cols % 32 === 0 || isCuda(context)
      ? inputs.map((row) => matVec(rows, roundedInput(context, row, item.dtype)))
      : exact;
    for (const numRows of isCuda(context) ? ROWS_OF_X_SIMULATED : ROWS_OF_X) {
      const label = `[${rows.length}, ${cols}] x ${numRows}`;
      const input = tensorOf(context, x.slice(0, numRows * cols), cols);
      const out = context.createTensor(numRows, rows.length);
      linear(context, out, input, weight);
      const actual = readRows(context, out, numRows, rows.length);
      const device = context.describe();
      assertParts(actual, exact.slice(0, numRows), rounded.slice(0, numRows), item, label, device);
    }
  }
});

testEachBackend("linear adds a residual, also in place", (context) => {
  const random = seededRandom(12), bound = isCuda(context) ? CUT_OFF : 1e-12;
  for (const item of [one("F32", 50, 37), one("Q4_1", 50, 96), one("Q8_0", 33, 64)]) {
    const { cols } = item;
    const { weight, rows } = makeWeight(context, item, random);
    for (const numRows of [1, 5, 20]) {
      const x = normals(random, numRows * cols), residual = normals(random, numRows * rows.length);
      const input = tensorOf(context, x, cols);
      const expected = Array.from({ length: numRows }, (_, r) => {
        const row = x.subarray(r * cols, (r + 1) * cols);
        return [
          ...matVec(rows, item.parts[0]!.format === "F32" ? row : roundedInput(context, row, item.dtype)),
        ];
      }).flat().map((value, i) => value + residual[i]!);
      const apart = context.createTensor(numRows, rows.length);
      linear(context, apart, input, weight, tensorOf(context, residual, rows.length));
      assertClose(readRows(context, apart, numRows, rows.length), expected, bound, "residual apart");
      const inPlace = tensorOf(context, residual, rows.length);
      linear(context, inPlace, input, weight, inPlace);
      assertClose(readRows(context, inPlace, numRows, rows.length), expected, bound, "residual in place");
    }
  }
});

testEachBackend("linear copes with zero rows, tiny rows and one huge value per block", (context) => {
  const random = seededRandom(13);
  const { weight, rows } = makeWeight(context, one("Q4_1", 32, 64), random);
  const inputs = [
    new Float32Array(64),
    Float32Array.from({ length: 64 }, () => 1e-20 * normal(random)),
    Float32Array.from({ length: 64 }, (_, i) => i % 32 === 7 ? 1e20 : normal(random)),
    Float32Array.from({ length: 64 }, (_, i) => i < 32 ? 0 : normal(random)),
  ];
  inputs.forEach((x, i) => {
    const out = context.createTensor(1, 32);
    linear(context, out, tensorOf(context, x, 64), weight);
    const expected = matVec(rows, roundedInput(context, x, "float32"));
    assertClose(readRows(context, out, 1, 32), expected, isCuda(context) ? CUT_OFF : 1e-12, `input ${i}`);
  });
});
