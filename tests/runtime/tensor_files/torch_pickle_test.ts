/**
 * PyTorch's files: what is read, and that a hostile one runs nothing and is refused by name.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import { readPickle } from "../../../runtime/tensor_files/pickle.ts";
import type { PickleMap, PickleRules } from "../../../runtime/tensor_files/pickle_values.ts";
import { readIntegers } from "../../../runtime/tensor_files/stored_tensor.ts";
import { readTorchFile, stateDict } from "../../../runtime/tensor_files/torch_pickle.ts";
import { encodeFloatRow } from "../../support/block_formats.ts";
import {
  pickle,
  pickleBytes,
  pickledTensor,
  type PickleParts,
  torchArchive,
  torchBytes,
} from "../../support/torch_writer.ts";
import { zipBytes } from "../../support/zip_writer.ts";

async function withFile(bytes: Uint8Array, body: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir(), path = join(folder, "pytorch_model.bin");
  try {
    await Deno.writeFile(path, bytes);
    await body(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const NUMBERS = [1, -2, .5, 4, 8, -.25];

Deno.test("a state_dict's tensors lie where they are said to, in every type", () => {
  const floats = (["F32", "F16", "BF16"] as const).map((dtype) => ({
    name: dtype,
    dtype,
    shape: [2, 3],
    bytes: encodeFloatRow(dtype, NUMBERS),
  }));
  const integers = [
    {
      name: "I64",
      dtype: "I64",
      shape: [3],
      bytes: new Uint8Array(BigInt64Array.of(7n, -8n, 70000n).buffer),
    },
    { name: "I32", dtype: "I32", shape: [2], bytes: new Uint8Array(Int32Array.of(-1, 5).buffer) },
    { name: "BOOL", dtype: "BOOL", shape: [3], bytes: Uint8Array.of(1, 0, 1) },
  ];
  return torchBytes([...floats, ...integers]).then((bytes) =>
    withFile(bytes, async (path) => {
      const tensors = stateDict(await readTorchFile(path));
      assert.deepEqual(tensors.map(({ name, format, shape }) => [name, format, [...shape]]), [
        ...floats.map(({ name, dtype, shape }) => [name, dtype, shape]),
        ...integers.map(({ name, dtype, shape }) => [name, dtype, shape]),
      ]);
      floats.forEach(({ bytes: expected }, i) => {
        const { offset, bytes: length } = tensors[i]!;
        assert.deepEqual(bytes.subarray(offset, offset + length), expected);
      });
      const numbers = tensors.slice(3).map((tensor) => [...readIntegers(path, tensor)]);
      assert.deepEqual(numbers, [[7, -8, 70000], [-1, 5], [1, 0, 1]]);
      assert.throws(() => readIntegers(path, tensors[0]!), /F32 is stored as F32, expected whole numbers/);
    })
  );
});

const tensor = { dtype: "F32", shape: [2, 3], bytes: encodeFloatRow("F32", NUMBERS) };

Deno.test("views of a storage are found inside it; what leaves it or is not contiguous is refused", async () => {
  const saved = async (parts: PickleParts, body: (path: string) => Promise<void>) =>
    await withFile(await torchArchive(pickle.dict(pickle.text("x"), parts), [tensor.bytes]), body);
  await saved(
    pickledTensor({ ...tensor, shape: [1, 2] }, "0", { first: 4, strides: [99, 1] }),
    async (path) => {
      const [view] = stateDict(await readTorchFile(path)), file = await Deno.readFile(path);
      assert.deepEqual(
        file.subarray(view!.offset, view!.offset + view!.bytes),
        encodeFloatRow("F32", [8, -.25]),
      );
    },
  );
  const refused: [PickleParts, RegExp][] = [
    [pickledTensor(tensor, "0", { first: 1 }), /a tensor of \[2, 3\] leaves its storage/],
    [pickledTensor({ ...tensor, shape: [2 ** 30, 2 ** 30] }, "0"), /\] leaves its storage/],
    [pickledTensor(tensor, "0", { first: -1 }), /a tensor is malformed/],
    [pickledTensor(tensor, "../data.pkl"), /a storage is not among its data/],
  ];
  for (const [parts, message] of refused) {
    await saved(parts, (path) => assert.rejects(readTorchFile(path), { name: "LoadError", message }));
  }
});

Deno.test("what is of no use in a state_dict is named, and stops nothing", async () => {
  const bytes = new Uint8Array(48), long = { ...tensor, dtype: "F64", bytes };
  const parts: readonly (readonly [PickleParts, string])[] = [
    [pickledTensor(tensor, "0", { strides: [1, 2] }), "not contiguous"],
    [pickledTensor({ ...tensor, shape: [0, 3] }, "0"), "empty"],
    [pickledTensor(long, "0"), "stored as F64"],
    [pickle.int(1), "not a tensor"],
  ];
  for (const [value, found] of parts) {
    const saved = await torchArchive(pickle.dict(pickle.text("x"), value), [bytes]);
    await withFile(saved, async (path) => {
      const unread = new Map<string, string>();
      assert.deepEqual(stateDict(await readTorchFile(path), unread), []);
      assert.deepEqual([...unread], [["x", found]]);
    });
  }
});

const command = pickle.tuple(pickle.text("touch /tmp/aerie_was_here"));
/** Pickles that would run something in Python, or that are broken, and what is said of them. */
const HOSTILE: readonly (readonly [name: string, PickleParts, RegExp])[] = [
  [
    "a shell command",
    pickle.call(pickle.global("os", "system"), command),
    /it refers to os\.system, which is not allowed/,
  ],
  ["eval", pickle.call(pickle.global("builtins", "eval"), command), /refers to builtins\.eval/],
  [
    "a name put together on the stack",
    [pickle.text("os"), pickle.text("system"), 0x93],
    /refers to os\.system/,
  ],
  [
    "a dotted way out of torch",
    pickle.global("torch", "serialization.os.system"),
    /refers to torch\.serialization/,
  ],
  [
    "an attribute of an allowed name",
    pickle.global("torch._utils", "_rebuild_tensor_v2.__globals__"),
    /__globals__/,
  ],
  [
    "a call of a storage type",
    pickle.call(pickle.global("torch", "FloatStorage"), pickle.tuple()),
    /it calls torch\.FloatStorage/,
  ],
  [
    "a call of a text",
    pickle.call(pickle.text("collections.OrderedDict"), pickle.tuple()),
    /it calls a value/,
  ],
  ["NEWOBJ", [pickle.global("collections", "OrderedDict"), 0x29, 0x81], /opcode 0x81 is not allowed/],
  ["INST", [0x28, "ios\nsystem\n"], /opcode 0x69 is not allowed/],
  ["OBJ", [0x28, 0x6f], /opcode 0x6f/],
  ["an extension code", [0x82, 1], /opcode 0x82/],
  ["an empty stack", [0x85], /its stack is empty/],
  ["a mark without an end", [0x74], /a mark is missing/],
  ["a memory that is not there", [0x68, 7], /it recalls 7/],
  ["a text longer than the file", [0x58, 0xff, 0xff, 0xff, 0x7f, "x"], /it ends early/],
  ["a text that is not UTF-8", [0x8c, 1, 0xff], /not UTF-8/],
  ["a huge number", [0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1], /beyond 2\^53/],
  ["items in a number", [pickle.int(1), 0x28, pickle.int(2), 0x65], /appends to something/],
  ["half a dict item", [0x7d, 0x28, pickle.int(2), 0x75], /malformed dict/],
  [
    "an odd OrderedDict",
    pickle.call(pickle.global("collections", "OrderedDict"), pickle.tuple(pickle.list(pickle.int(1)))),
    /an OrderedDict is malformed/,
  ],
  [
    "a storage of another type",
    pickle.persistent(
      pickle.tuple(pickle.text("storage"), pickle.text("torch.FloatStorage"), pickle.text("0")),
    ),
    /a storage is not among its data/,
  ],
  ["no state_dict", pickle.list(pickle.int(1)), /it holds no state_dict/],
];

for (const [name, parts, message] of HOSTILE) {
  Deno.test(`refused: ${name}`, async () =>
    await withFile(
      await torchArchive(parts, [tensor.bytes]),
      (path) =>
        assert.rejects(async () => stateDict(await readTorchFile(path)), { name: "LoadError", message }),
    ));
}

Deno.test("a pickle that holds itself, and any broken one, is read or refused, never run away with", () => {
  const rules: PickleRules = { globals: new Map() };
  const loop = pickleBytes([0x5d, 0x71, 0, 0x68, 0, 0x61, 0x2e]), value = readPickle(loop, rules, "loop");
  assert.ok(Array.isArray(value) && value[0] === value);
  const good = pickleBytes([
    pickle.proto,
    pickle.dict(pickle.text("key"), pickle.list(pickle.int(1), [0x4e], [0x88])),
    pickle.stop,
  ]);
  assert.deepEqual([...readPickle(good, rules, "good") as PickleMap], [["key", [1, null, true]]]);
  for (let end = 0; end < good.length; end++) {
    assert.throws(() => readPickle(good.subarray(0, end), rules, "cut"), LoadError);
  }
  for (let at = 0; at < good.length; at++) {
    for (const flip of [1, 0x80, 0xff]) {
      const damaged = good.map((byte, i) => i === at ? byte ^ flip : byte);
      try {
        readPickle(damaged, rules, "damaged");
      } catch (error) {
        assert.ok(error instanceof LoadError, `${error}`);
      }
    }
  }
});

Deno.test("archives that are none, without a pickle, compressed or of other machines are refused", async () => {
  const file = (name: string, content: string, deflated = false) =>
    ({ name, content: new TextEncoder().encode(content), deflated }) as const;
  const cases: [Uint8Array, RegExp][] = [
    [new TextEncoder().encode("\x80\x02\x8a\nl\xfc"), /expected a file of PyTorch 1\.6 or later/],
    [await zipBytes([file("archive/other", "x")]), /it has no data\.pkl/],
    [await zipBytes([file("archive/data.pkl", ".".repeat(100), true)]), /data\.pkl is compressed/],
    [
      await zipBytes([file("archive/data.pkl", "."), file("archive/byteorder", "big")]),
      /byte order is not little/,
    ],
  ];
  for (const [bytes, message] of cases) {
    await withFile(bytes, (path) => assert.rejects(readTorchFile(path), { name: "LoadError", message }));
  }
});
