/**
 * Statuses for wrong handles, shapes, weights and pools.
 *
 * @module
 */
import assert from "node:assert/strict";
import { appendGroups, type QuantizedGroups } from "../../ffi/quantized_groups.ts";
import * as ops from "../../ffi/ops.ts";
import { type Bench, refuses, Status } from "../support/misuse.ts";
import { mapBytes } from "../support/native.ts";

const id = <Id extends number>(value: number) => value as Id;

// Handles.
refuses("handle 0", (b) => ops.siluMul(b.context, id(0), b.rows(2)), Status.badHandle, /silu_mul: out .* 0$/);
refuses(
  "a handle never given out",
  (b) => ops.siluMul(b.context, id(9999), b.rows(2)),
  Status.badHandle,
  /9999/,
);
refuses(
  "a handle of another kind",
  (b) => ops.siluMul(b.context, b.rows(1), id(b.batch)),
  Status.badHandle,
  /silu_mul: x/,
);
refuses(
  "a released handle whose slot is used again",
  (b) => {
    const old = b.context.createTensor(1, 4);
    b.context.check(b.context.native.aerie_tensor_release(b.context.id, old));
    assert.notEqual(b.context.createTensor(1, 4), old);
    b.context.readTensor(old, new Float32Array(4), 0, 1);
  },
  Status.badHandle,
  /tensor_read: tensor is not a live handle/,
);
refuses(
  "releasing twice",
  (b) => {
    const tensor = b.context.createTensor(1, 4);
    for (let i = 0; i < 2; i++) b.context.check(b.context.native.aerie_tensor_release(b.context.id, tensor));
  },
  Status.badHandle,
  /tensor_release/,
);
refuses(
  "releasing as another kind",
  (b) => {
    b.context.check(b.context.native.aerie_kv_release(b.context.id, b.batch));
  },
  Status.badHandle,
  /kv_release/,
);

// Shapes.
refuses(
  "a tensor without columns",
  (b) => b.context.createTensor(1, 0),
  Status.badShape,
  /tensor_create: \[1, 0\]/,
);
refuses("a tensor of 2^31 rows", (b) => b.context.createTensor(2 ** 31, 1), Status.badShape, /2147483648/);
refuses(
  "reading past a tensor",
  (b) => {
    b.context.readTensor(b.context.createTensor(3, 2), new Float32Array(8), 1, 3);
  },
  Status.badShape,
  /tensor_read: rows 1 \+ 3 of 3/,
);
refuses(
  "writing past a tensor",
  (b) => {
    b.context.writeTensor(b.context.createTensor(3, 2), new Float32Array(8), 0xffffffff, 2);
  },
  Status.badShape,
  /tensor_write: rows 4294967295 \+ 2 of 3/,
);
refuses(
  "rows that differ",
  (b) => {
    ops.siluMul(b.context, b.context.createTensor(2, 1), b.context.createTensor(3, 2));
  },
  Status.badShape,
  /silu_mul/,
);
refuses(
  "rows of another batch",
  (b) => ops.siluMul(b.context, b.context.createTensor(4, 1), b.rows(2)),
  Status.badShape,
  /silu/,
);
refuses(
  "columns that do not fit",
  (b) => ops.siluMul(b.context, b.rows(3), b.rows(4)),
  Status.badShape,
  /4 columns, expected 6/,
);
refuses(
  "a norm weight of two rows",
  (b) => {
    ops.rmsNorm(b.context, b.rows(8), b.rows(8), b.context.createTensor(2, 8), 1e-5);
  },
  Status.badShape,
  /rms_norm: weight is \[2, 8\], expected \[1, 8\]/,
);
refuses(
  "linear with the wrong input",
  (b) => ops.linear(b.context, b.rows(5), b.rows(31), b.weight),
  Status.badShape,
  /x has 31/,
);
refuses(
  "linear with the wrong output",
  (b) => ops.linear(b.context, b.rows(6), b.rows(32), b.weight),
  Status.badShape,
  /out has 6/,
);
refuses(
  "linear with the wrong residual",
  (b) => {
    ops.linear(b.context, b.rows(5), b.rows(32), b.weight, b.rows(4));
  },
  Status.badShape,
  /residual has 4 columns, expected 5/,
);
refuses(
  "linear onto its own input",
  (b) => {
    const file = mapBytes(b.context, new Uint8Array(64)), weight = b.context.createWeight(4, 4);
    b.context.appendWeight(weight, { file, offset: 0, format: "F32" }, 4, 0);
    b.context.packWeight(weight, "float32");
    const x = b.rows(4);
    ops.linear(b.context, x, x, weight);
  },
  Status.badArgument,
  /linear: out and x/,
);
refuses(
  "rope of a head that is no multiple of 16",
  (b) => ops.rope(b.context, b.rows(80), b.rows(32), 2, 40),
  Status.badShape,
  /head_dim is 40, expected a multiple of 16/,
);
refuses(
  "rope by angles of half a lane",
  (b) => ops.rope(b.context, b.rows(64), b.rows(24), 2, 32),
  Status.badShape,
  /angles has 24 columns, expected a multiple of 16 up to 32/,
);
refuses(
  "rope by angles of a wider head",
  (b) => ops.rope(b.context, b.rows(64), b.rows(48), 2, 32),
  Status.badShape,
  /angles has 48 columns, expected a multiple of 16 up to 32/,
);
refuses(
  "a norm of more groups than columns",
  (b) => ops.groupNorm(b.context, b.rows(64), b.context.createTensor(1, 16), 16, 4, 1e-5),
  Status.badShape,
  /group_norm: x has 64 columns, expected 4 groups of 16 from column 16/,
);
refuses(
  "a norm of groups by a weight of two rows",
  (b) => ops.groupNorm(b.context, b.rows(64), b.context.createTensor(2, 16), 0, 4, 1e-5),
  Status.badShape,
  /group_norm: weight is \[2, 16\], expected \[1, 16\]/,
);
refuses(
  "a sum of other columns",
  (b) => ops.add(b.context, b.rows(4), b.rows(4), b.rows(5), 1),
  Status.badShape,
  /add: y has 5 columns, expected 4/,
);
refuses(
  "a soft cap of 0",
  (b) => ops.softCap(b.context, b.rows(4), 0),
  Status.badArgument,
  /soft_cap: cap is 0, expected a number above 0/,
);
refuses(
  "attention below a negative soft cap",
  (b) => ops.attention(b.context, b.rows(32), b.rows(96), b.kv, b.batch, 0, 1, 1, -50, 0),
  Status.badArgument,
  /attention: soft_cap is -50, expected a number above 0/,
);
refuses(
  "rope of too many heads",
  (b) => ops.rope(b.context, b.rows(64), b.rows(32), 3, 32),
  Status.badShape,
  /3 heads of 32/,
);
refuses(
  "gathering rows as outputs",
  (b) => {
    ops.gatherOutputs(b.context, b.rows(4), b.rows(4), b.batch);
  },
  Status.badShape,
  /gather_outputs: out does not follow the batch's outputs/,
);

// Weights and KV pools.
refuses(
  "part of a block",
  (b) => {
    const file = mapBytes(b.context, new Uint8Array(1000));
    b.context.appendWeight(b.context.createWeight(1, 33), { file, offset: 0, format: "Q4_0" }, 1, 0);
  },
  Status.badShape,
  /33 elements are not whole blocks of 32/,
);
refuses(
  "an offset past the file",
  (b) => {
    const file = mapBytes(b.context, new Uint8Array(1000));
    b.context.appendWeight(b.context.createWeight(1, 32), { file, offset: 2 ** 52, format: "F32" }, 1, 0);
  },
  Status.badShape,
  /weight_append: 128 bytes at 4503599627370496 exceed the file of 1000 bytes/,
);
refuses(
  "columns past the file",
  (b) => {
    const file = mapBytes(b.context, new Uint8Array(1000)),
      range = { file, offset: 128, format: "F32" } as const;
    b.context.appendWeight(b.context.createWeight(2, 32), { ...range, rowBytes: 800 }, 2, 0);
  },
  Status.badShape,
  /weight_append: 928 bytes at 128 exceed the file of 1000 bytes/,
);
refuses(
  "rows that overlap",
  (b) => {
    const file = mapBytes(b.context, new Uint8Array(1000)),
      range = { file, offset: 0, format: "F32" } as const;
    b.context.appendWeight(b.context.createWeight(2, 32), { ...range, rowBytes: 64 }, 2, 0);
  },
  Status.badShape,
  /weight_append: row_bytes is 64, expected 0 or at least 128/,
);
refuses(
  "more rows than the weight has",
  (b) => {
    const file = mapBytes(b.context, new Uint8Array(1000));
    b.context.appendWeight(b.context.createWeight(2, 32), { file, offset: 0, format: "F32" }, 3, 0);
  },
  Status.badShape,
  /weight_append: 3 rows, expected 1\.\.2/,
);

/** A matrix [8, 64] as GPTQ has it, in a file of zeros. */
function appendGptq(b: Bench, change: Partial<QuantizedGroups> & { bytes?: number }): void {
  const { bytes = 4096, ...groups } = change, file = mapBytes(b.context, new Uint8Array(bytes).fill(1));
  appendGroups(b.context, b.context.createWeight(8, 64), {
    layout: "gptq",
    numbers: { file, offset: 0 },
    scales: { file, offset: 256, format: "F16" },
    groupRows: 1,
    groupCols: 32,
    ...groups,
  }, 8);
}
refuses(
  "numbers of a quantised matrix past the file",
  (b) => appendGptq(b, { bytes: 200 }),
  Status.badShape,
  /weight_append_groups: 256 bytes of numbers at 0 exceed the file of 200 bytes/,
);
refuses(
  "groups that are not whole blocks",
  (b) => appendGptq(b, { groupCols: 24 }),
  Status.badShape,
  /weight_append_groups: groups of 1 x 24 values/,
);
refuses(
  "an input in a group that there is not",
  (b) => {
    const file = mapBytes(b.context, new Uint8Array(4096).fill(1));
    appendGptq(b, { groups: { file, offset: 0 } });
  },
  Status.badShape,
  /weight_append_groups: input 0 is in group 16843009 of 2/,
);
refuses(
  "zero points of a layout that has none",
  (b) => {
    const file = mapBytes(b.context, new Uint8Array(4096));
    appendGptq(b, { layout: "int8", zeros: { file, offset: 0 } });
  },
  Status.badShape,
  /weight_append_groups: 0 bytes of zeros/,
);
refuses(
  "packing a weight that is not full",
  (b) => {
    b.context.packWeight(b.context.createWeight(2, 32), "float32");
  },
  Status.badShape,
  /weight_pack: 0 of 2 rows/,
);
refuses(
  "appending to a packed weight",
  (b) => {
    const file = mapBytes(b.context, new Uint8Array(1000));
    b.context.appendWeight(b.weight, { file, offset: 0, format: "F32" }, 1, 0);
  },
  Status.badArgument,
  /packed already/,
);
refuses(
  "using a weight before it is packed",
  (b) => {
    ops.linear(b.context, b.rows(1), b.rows(32), b.context.createWeight(1, 32));
  },
  Status.badArgument,
  /linear: the weight is not packed/,
);
refuses(
  "halves of heads",
  (b) => {
    const file = mapBytes(b.context, new Uint8Array(1000));
    b.context.appendWeight(b.context.createWeight(6, 4), { file, offset: 0, format: "F32" }, 6, 4);
  },
  Status.badShape,
  /6 rows are not whole heads of 4/,
);
const pool = { layers: 1, pages: 1, pageSize: 16, kvHeads: 1, headDim: 16 };
refuses(
  "a page size of 8",
  (b) => b.context.createKv({ ...pool, pageSize: 8 }, "float32"),
  Status.badShape,
  /page_size is 8/,
);
refuses(
  "a head of 24",
  (b) => b.context.createKv({ ...pool, headDim: 24 }, "float32"),
  Status.unsupported,
  /head_dim is 24/,
);
refuses(
  "a pool whose bytes leave 64 bits",
  (b) =>
    b.context.createKv(
      { layers: 4096, pages: 2 ** 26, pageSize: 16, kvHeads: 4096, headDim: 512 },
      "float32",
    ),
  Status.outOfMemory,
  /kv_create: 67108864 pages of \d+ bytes/,
);
refuses(
  "KV in int8",
  (b) => b.context.createKv(pool, "int8" as "float32"),
  Status.unsupported,
  /kv_create: dtype is 3/,
);
