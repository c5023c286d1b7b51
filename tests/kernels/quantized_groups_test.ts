/**
 * `aerie_weight_append_groups`, whose files may change between the check of their numbers and packing.
 *
 * @module
 */
import type { Context } from "../../ffi/context.ts";
import type { WeightId } from "../../ffi/handles.ts";
import { embedding } from "../../ffi/ops.ts";
import { appendGroups } from "../../ffi/quantized_groups.ts";
import { rowsAt } from "../support/batches.ts";
import { seededRandom } from "../support/block_formats.ts";
import { assertSameBits } from "../support/close.ts";
import { testEachBackend } from "../support/cuda_sim.ts";
import { readRows } from "../support/native.ts";

const ROWS = 8, COLS = 64, GROUPS = 2;
/** Where the tensors of a GPTQ matrix lie in its file: numbers, float16 scales, groups. */
const SCALES_AT = COLS / 8 * ROWS * 4, GROUPS_AT = SCALES_AT + GROUPS * ROWS * 2;

/** A file of random 4-bit numbers, of scales 1 and 2, and of inputs that are in group 0 and 1 in turn. */
function matrixFile(): Uint8Array {
  const random = seededRandom(3),
    bytes = new Uint8Array(GROUPS_AT + COLS * 4),
    view = new DataView(bytes.buffer);
  for (let i = 0; i < SCALES_AT; i++) bytes[i] = random() * 256;
  for (let i = 0; i < GROUPS * ROWS; i++) view.setUint16(SCALES_AT + 2 * i, i < ROWS ? 0x3c00 : 0x4000, true);
  for (let i = 0; i < COLS; i++) view.setInt32(GROUPS_AT + 4 * i, i % GROUPS, true);
  return bytes;
}

/** The weight of a file, which `change` is called for once the native library has taken it. */
function weightOf(context: Context, path: string, change: () => void): WeightId {
  const file = context.openFile(path), weight = context.createWeight(ROWS, COLS);
  appendGroups(context, weight, {
    layout: "gptq",
    numbers: { file, offset: 0 },
    scales: { file, offset: SCALES_AT, format: "F16" },
    groups: { file, offset: GROUPS_AT },
    groupRows: 1,
    groupCols: COLS / GROUPS,
  }, ROWS);
  change();
  context.packWeight(weight, "float32");
  context.closeFile(file);
  return weight;
}

function rowsOf(context: Context, weight: WeightId): Float32Array {
  const tokens = [...Array(ROWS).keys()];
  const batch = context.createBatch({ rows: ROWS, segments: 1, pages: 1, outputs: ROWS });
  context.writeBatch(batch, rowsAt(tokens.map(() => 0), { tokens }));
  const out = context.batchTensor(batch, "rows", COLS);
  embedding(context, out, batch, weight);
  return readRows(context, out, ROWS, COLS);
}

testEachBackend("groups are those that were checked, whatever the file holds afterwards", (context) => {
  const path = Deno.makeTempFileSync({ prefix: "aerie_test_" });
  try {
    Deno.writeFileSync(path, matrixFile());
    const expected = rowsOf(context, weightOf(context, path, () => {}));
    const changed = weightOf(context, path, () => {
      using file = Deno.openSync(path, { write: true });
      file.seekSync(GROUPS_AT, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array(new Int32Array(COLS).fill(2 ** 24).buffer));
    });
    assertSameBits(rowsOf(context, changed), expected, "groups that changed behind their check");
  } finally {
    Deno.removeSync(path);
  }
});
