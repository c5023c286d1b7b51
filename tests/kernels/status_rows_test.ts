/**
 * Statuses for wrong copies of rows, sources and columns.
 *
 * @module
 */
import * as ops from "../../ffi/ops.ts";
import { refuses, Status } from "../support/misuse.ts";

const move = Int32Array.of(0, 4), back = Int32Array.of(0, 1);

refuses(
  "gathering without sources",
  (b) => ops.gatherRows(b.context, b.rows(4), b.context.createTensor(3, 4), b.batch, 0),
  Status.badArgument,
  /gather_rows: 0 sources of 2 rows/,
);
refuses(
  "sources of another forward",
  (b) => {
    b.write({ sources: back });
    b.write();
    ops.gatherRows(b.context, b.rows(4), b.context.createTensor(3, 4), b.batch, 0);
  },
  Status.badArgument,
  /gather_rows: 0 sources of 2 rows/,
);
refuses(
  "a source past the tensor",
  (b) => {
    b.write({ sources: move });
    ops.gatherRows(b.context, b.rows(4), b.context.createTensor(3, 4), b.batch, 0);
  },
  Status.badArgument,
  /gather_rows: sources\[1\] is 4 of 3/,
);
refuses(
  "a source past the tensor at replay",
  (b) => {
    const out = b.rows(4), x = b.context.createTensor(3, 4);
    const graph = b.context.record(() => ops.gatherRows(b.context, out, x, b.batch, 0));
    b.write({ sources: move });
    b.context.run(graph);
  },
  Status.badArgument,
  /batch_write: sources\[1\] is 4 of 3/,
);
refuses(
  "a negative source",
  (b) => b.write({ sources: Int32Array.of(0, -1) }),
  Status.badArgument,
  /batch_write: sources\[1\] is -1/,
);
refuses(
  "gathering without sources at a launch",
  (b) => {
    const out = b.rows(4), x = b.context.createTensor(3, 4);
    b.context.run(b.context.record(() => ops.gatherRows(b.context, out, x, b.batch, 0)));
  },
  Status.badArgument,
  /graph_launch: 0 sources of 2 rows/,
);
refuses(
  "a source past the tensor, written before the graph was recorded",
  (b) => {
    const out = b.rows(4), x = b.context.createTensor(3, 4);
    b.write({ sources: move });
    b.context.run(b.context.record(() => ops.gatherRows(b.context, out, x, b.batch, 0)));
  },
  Status.badArgument,
  /graph_launch: sources\[1\] is 4 of 3/,
);
refuses(
  "gathering from a slice of the outputs",
  (b) => ops.gatherRows(b.context, b.rows(4), b.context.batchTensor(b.batch, "outputSlice", 4), b.batch, 0),
  Status.badShape,
  /gather_rows: x is a slice of the outputs/,
);
refuses(
  "gathering columns past the tensor",
  (b) => ops.gatherRows(b.context, b.rows(4), b.context.createTensor(3, 8), b.batch, 5),
  Status.badShape,
  /gather_rows: x has 8 columns, expected 4 from column 5/,
);
refuses(
  "storing columns past the tensor",
  (b) => ops.storeRows(b.context, b.context.createTensor(64, 8), b.rows(4), b.batch, 0xffffffff),
  Status.badShape,
  /store_rows: out has 8 columns, expected 4 from column 4294967295/,
);
refuses(
  "storing at a slot past the tensor, at replay",
  (b) => {
    const x = b.rows(4), pool = b.context.createTensor(4, 4);
    const graph = b.context.record(() => ops.storeRows(b.context, pool, x, b.batch, 0));
    b.write({ slots: move });
    b.context.run(graph);
  },
  Status.badArgument,
  /batch_write: slots\[1\] is 4 of 4/,
);
refuses(
  "storing into rows of a batch",
  (b) => ops.storeRows(b.context, b.rows(4), b.rows(4), b.batch, 0),
  Status.badShape,
  /store_rows: out follows a batch/,
);
refuses(
  "a bias of another width",
  (b) => ops.addBias(b.context, b.rows(4), b.context.createTensor(1, 5)),
  Status.badShape,
  /add_bias: bias is \[1, 5\], expected \[1, 4\]/,
);
refuses(
  "copying rows past the tensor",
  (b) => b.context.copyTensorRows(b.context.createTensor(4, 2), move, back),
  Status.badArgument,
  /tensor_copy: row 4 to 1 of 4/,
);
refuses(
  "copying KV to a negative slot",
  (b) => b.context.copyKvSlots(b.kv, back, Int32Array.of(0, -1)),
  Status.badArgument,
  /kv_copy: row 1 to -1 of 48/,
);
refuses(
  "copying KV while recording",
  (b) => {
    b.context.record(() => b.context.copyKvSlots(b.kv, back, back));
  },
  Status.badArgument,
  /kv_copy: a graph is being recorded/,
);
refuses(
  "a file without bytes",
  (b) => b.context.createFile(new Uint8Array(0)),
  Status.badArgument,
  /file_create: no data/,
);
