import assert from "node:assert/strict";
import fc from "fast-check";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import { loadTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { type GgufTensor, readGguf } from "../../../runtime/tensor_files/gguf.ts";
import { readSafetensors } from "../../../runtime/tensor_files/safetensors.ts";
import { GGML_TYPE, ggufBytes, type GgufField, type GgufTensorData } from "../../support/gguf_writer.ts";
import { safetensorsBytes } from "../../support/safetensors_writer.ts";
import { writeTinyModel } from "../../support/tiny_model.ts";

const FIELDS = new Map<string, GgufField>([
  ["general.architecture", { type: "string", value: "llama" }],
  ["llama.block_count", { type: "u32", value: 2 }],
  ["tokenizer.ggml.tokens", { type: "strings", value: ["a", "Ġb", "日本"] }],
  ["tokenizer.ggml.token_type", { type: "i32s", value: [1, 1, 3] }],
]);

const matrix: GgufTensorData = {
  name: "blk.0.attn_q.weight",
  dims: [32, 2],
  type: GGML_TYPE.Q8_0,
  bytes: new Uint8Array(68),
};
const vector: GgufTensorData = {
  name: "output_norm.weight",
  dims: [8],
  type: GGML_TYPE.F32,
  bytes: new Uint8Array(32),
};

const GGUF = ggufBytes(FIELDS, [matrix, vector]);
const SAFETENSORS = safetensorsBytes([
  { name: "a", dtype: "F32", shape: [2, 3], bytes: new Uint8Array(24) },
  { name: "b", dtype: "BF16", shape: [4], bytes: new Uint8Array(8) },
]);

/** Writes the bytes to a file and hands it to a parser. */
function parse<Result>(parser: (path: string) => Result, bytes: Uint8Array): Result {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, bytes);
    return parser(path);
  } finally {
    Deno.removeSync(path);
  }
}

function rejects(parser: (path: string) => unknown, bytes: Uint8Array, message: RegExp): void {
  assert.throws(() => parse(parser, bytes), (error: Error) => {
    assert.ok(error instanceof LoadError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("GGUF values and tensors are read as written", () => {
  const { metadata, tensors } = parse(readGguf, GGUF);
  assert.equal(metadata.get("llama.block_count"), 2);
  assert.deepEqual(metadata.get("tokenizer.ggml.tokens"), ["a", "Ġb", "日本"]);
  assert.deepEqual(metadata.get("tokenizer.ggml.token_type"), Int32Array.of(1, 1, 3));
  const summary = ({ name, shape, format, bytes }: GgufTensor) => [name, shape, format, bytes];
  assert.deepEqual(tensors.map(summary), [
    ["blk.0.attn_q.weight", [2, 32], "Q8_0", 68],
    ["output_norm.weight", [8], "F32", 32],
  ]);
  assert.equal(tensors[0]!.offset % 32, 0);
  assert.equal(tensors[1]!.offset + 32, GGUF.length);
});

Deno.test("a lying GGUF is refused with the name of what lies", () => {
  const withTensors = (...tensors: GgufTensorData[]) => ggufBytes(FIELDS, tensors);
  rejects(readGguf, new TextEncoder().encode("GGML and more"), /not a GGUF file/);
  rejects(
    readGguf,
    GGUF.slice(0, GGUF.length - 1),
    /tensor output_norm\.weight ends at byte \d+, but the file has/,
  );
  rejects(readGguf, GGUF.slice(0, 60), /the file ends inside|but only \d+ bytes follow/);
  rejects(readGguf, withTensors({ ...vector, dims: [2 ** 50] }), /tensor output_norm\.weight ends at byte/);
  rejects(
    readGguf,
    withTensors({ ...vector, dims: [2 ** 50, 2 ** 50] }),
    /tensor output_norm\.weight has shape/,
  );
  rejects(readGguf, withTensors({ ...vector, dims: [0] }), /tensor output_norm\.weight has shape \[0\]/);
  rejects(
    readGguf,
    withTensors({ ...matrix, dims: [33, 2] }),
    /rows of 33 values, not a multiple of 32 \(Q8_0\)/,
  );
  rejects(readGguf, withTensors(vector, vector), /tensor output_norm\.weight occurs twice/);
  const alignment = (value: number) =>
    new Map([...FIELDS, ["general.alignment", { type: "u32", value } as const]]);
  rejects(readGguf, ggufBytes(alignment(0), [vector]), /general\.alignment is 0/);
  rejects(readGguf, ggufBytes(alignment(64), [matrix, vector]), /not a multiple of 64|ends at byte/);

  const countLies = GGUF.slice();
  new DataView(countLies.buffer).setBigUint64(8, 2n ** 40n, true);
  rejects(readGguf, countLies, /the number of tensors is 1099511627776/);
  const hugeCount = GGUF.slice();
  new DataView(hugeCount.buffer).setBigUint64(16, 2n ** 63n, true);
  rejects(readGguf, hugeCount, /the number of metadata entries is 9223372036854775808/);
  // The second tensor's offset is the last number before the data: point it into the first tensor.
  const overlap = GGUF.slice();
  const entry = new TextDecoder("latin1").decode(overlap).indexOf(vector.name) + vector.name.length + 4 + 8 +
    4;
  new DataView(overlap.buffer).setBigUint64(entry, 32n, true);
  rejects(readGguf, overlap, /tensors blk\.0\.attn_q\.weight and output_norm\.weight overlap/);
  new DataView(overlap.buffer).setBigUint64(entry, 33n, true);
  rejects(readGguf, overlap, /not a multiple of 32/);
});

Deno.test("a lying safetensors file is refused with the name of what lies", () => {
  const one = (tensor: Partial<Parameters<typeof safetensorsBytes>[0][number]>) =>
    safetensorsBytes([{ name: "w", dtype: "F32", shape: [2, 2], bytes: new Uint8Array(16), ...tensor }]);
  rejects(readSafetensors, SAFETENSORS.slice(0, SAFETENSORS.length - 1), /tensor b ends at byte/);
  rejects(readSafetensors, SAFETENSORS.slice(0, 40), /the header's length is \d+, but only 32 bytes follow/);
  rejects(readSafetensors, one({ dtype: "F64" }), /tensor w is stored as F64/);
  rejects(readSafetensors, one({ shape: [2, 3] }), /tensor w has 16 bytes, but \[2, 3\] of F32 takes 24/);
  rejects(readSafetensors, one({ shape: [-2, -2] }), /tensor w has a malformed header entry/);
  rejects(readSafetensors, one({ shape: [2 ** 40, 2 ** 40] }), /tensor w has shape/);
  const text = (json: string) => {
    const bytes = new TextEncoder().encode(json);
    return new Uint8Array([
      ...new Uint8Array(BigUint64Array.of(BigInt(bytes.length)).buffer),
      ...bytes,
      ...Array(64),
    ]);
  };
  rejects(readSafetensors, text("{oops"), /the header is not JSON/);
  rejects(readSafetensors, text("[]"), /the header is not a JSON object/);
  const entry = (begin: number, end: number) => ({ dtype: "F32", shape: [4], "data_offsets": [begin, end] });
  rejects(
    readSafetensors,
    text(JSON.stringify({ a: entry(0, 16), b: entry(8, 24) })),
    /tensors a and b overlap|not a multiple/,
  );
});

const damaged = (bytes: Uint8Array) =>
  fc.record({
    length: fc.oneof(fc.constant(bytes.length), fc.nat(bytes.length)),
    flips: fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 6 }),
  }).map(({ length, flips }) => {
    const copy = bytes.slice();
    for (const [at, value] of flips) copy[at] = value;
    return copy.subarray(0, length);
  });

const parsers: readonly [
  string,
  Uint8Array,
  (path: string) => readonly { offset: number; bytes: number }[],
][] = [
  ["GGUF", GGUF, (path) => readGguf(path).tensors],
  ["safetensors", SAFETENSORS, readSafetensors],
];
for (const [kind, bytes, parser] of parsers) {
  Deno.test(`a damaged ${kind} either yields ranges inside the file or a LoadError`, () => {
    fc.assert(
      fc.property(damaged(bytes), (copy) => {
        try {
          for (const { offset, bytes } of parse(parser, copy)) {
            assert.ok(offset >= 0 && bytes > 0 && offset + bytes <= copy.length);
          }
        } catch (error) {
          assert.ok(error instanceof LoadError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });
}

Deno.test("a model with a damaged header either opens or gives a LoadError", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = await writeTinyModel(folder, { kind: "gguf", seed: 3 });
    const whole = await Deno.readFile(path);
    // From the model's settings to the tokenizer's, and the tensor entries before the data.
    const headerBytes = readGguf(path).tensors[0]!.offset;
    const flips = fc.array(fc.tuple(fc.nat(headerBytes - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(flips, async (changes) => {
        const copy = whole.slice();
        for (const [at, value] of changes) copy[at] = value;
        await Deno.writeFile(path, copy);
        try {
          const { tokenizerSource } = await openCheckpoint({ path, kind: "gguf", files: [path], folder });
          loadTokenizer(tokenizerSource).encode("rest");
        } catch (error) {
          assert.ok(error instanceof LoadError, String(error));
        }
      }),
      { numRuns: 150 },
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
