/**
 * Whatever files a model's weights lie in, it is the same model; what lies beside them stops nothing.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { basename, join } from "node:path";
import type { Checkpoint } from "../../../runtime/contracts/checkpoint.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import type { LoadFormat } from "../../../runtime/weights/weight_files.ts";
import { type GgufTensorData } from "../../support/gguf_writer.ts";
import type { SafetensorsData } from "../../support/safetensors_writer.ts";
import { type TinyModelOptions, writeTinyModel } from "../../support/tiny_model.ts";

const SEED = 7;

async function withModel(
  options: Omit<TinyModelOptions, "seed">,
  body: (path: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(await writeTinyModel(folder, { seed: SEED, ...options }), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function open(path: string, loadFormat?: LoadFormat): Promise<Checkpoint> {
  return (await openCheckpoint(await resolveModel(path, { loadFormat }))).checkpoint;
}

/** The bytes of all tensors by name. */
async function contentOf({ tensors }: Checkpoint): Promise<Map<string, Uint8Array>> {
  const content = new Map<string, Uint8Array>();
  for (const [name, { file, offset, bytes }] of [...tensors].toSorted(([a], [b]) => a < b ? -1 : 1)) {
    content.set(name, (await Deno.readFile(file)).subarray(offset, offset + bytes));
  }
  return content;
}

async function expectSame(first: Omit<TinyModelOptions, "seed">, second: Omit<TinyModelOptions, "seed">) {
  await withModel(
    first,
    (onePath) =>
      withModel(second, async (otherPath) => {
        const [one, other] = [await open(onePath), await open(otherPath)];
        assert.deepEqual(other.config, one.config);
        assert.deepEqual(await contentOf(other), await contentOf(one));
      }),
  );
}

Deno.test("weights in PyTorch's files, one or several, are the model that they are in safetensors", async () => {
  for (const format of ["F32", "BF16"] as const) {
    await expectSame({ kind: "safetensors", format }, { kind: "pt", format });
    await expectSame({ kind: "safetensors", format }, { kind: "pt", format, shards: 3 });
  }
});

Deno.test("weights in GGUF files of version 2, or in several, are the model that they are in one", async () => {
  await expectSame({ kind: "gguf" }, { kind: "gguf", ggufVersion: 2 });
  await expectSame({ kind: "gguf", format: "Q8_0" }, { kind: "gguf", format: "Q8_0", shards: 3 });
});

Deno.test("a GGUF model in several files is found by its first or by its folder, whole or not at all", async () => {
  await withModel({ kind: "gguf", shards: 3 }, async (first, folder) => {
    assert.equal(basename(first), "tiny-00001-of-00003.gguf");
    assert.deepEqual((await open(folder)).files, (await open(first)).files);
    const second = join(folder, "tiny-00002-of-00003.gguf");
    await assert.rejects(open(second), /name the first, tiny-00001-of-00003\.gguf/);
    await Deno.rename(second, `${second}.away`);
    await assert.rejects(open(first), /part tiny-00002-of-00003\.gguf is missing/);
    // The third part under the second's name.
    await Deno.copyFile(join(folder, "tiny-00003-of-00003.gguf"), second);
    await assert.rejects(open(first), /tiny-00002-of-00003\.gguf: split\.no is 2, expected 1 by its name/);
  });
  const total = { "split.tensors.count": { type: "i32", value: 30 } } as const;
  await withModel({ kind: "gguf", shards: 2, ggufFields: total }, async (first) => {
    await assert.rejects(open(first), /split\.tensors\.count is 30, but its 2 files have 21/);
  });
  const split = { "split.count": { type: "u16", value: 2 }, "split.no": { type: "u16", value: 0 } } as const;
  await withModel({ kind: "gguf", ggufFields: split }, async (path) => {
    await assert.rejects(open(path), /split\.count is 2, expected 1 by its name/);
  });
});

Deno.test("a whole file counts before an index that was left beside it", async () => {
  await withModel({ kind: "safetensors" }, async (path, folder) => {
    const stale = { "weight_map": { "model.norm.weight": "model-00001-of-00009.safetensors" } };
    await Deno.writeTextFile(join(folder, "model.safetensors.index.json"), JSON.stringify(stale));
    assert.deepEqual((await open(path)).files, [join(folder, "model.safetensors")]);
  });
});

Deno.test("--load-format chooses among the files of a folder, and refuses what is not there", async () => {
  await withModel({ kind: "safetensors" }, async (path, folder) => {
    await writeTinyModel(folder, { kind: "pt", seed: SEED });
    const whole = await writeTinyModel(folder, { kind: "gguf", seed: SEED });
    const found = async (format: LoadFormat) =>
      (await open(path, format)).files.map((file) => basename(file));
    assert.deepEqual(await found("auto"), ["model.safetensors"]);
    assert.deepEqual(await found("safetensors"), ["model.safetensors"]);
    assert.deepEqual(await found("pt"), ["pytorch_model.bin"]);
    assert.deepEqual(await found("gguf"), ["tiny.gguf"]);
    await assert.rejects(open(whole, "pt"), /with --load-format pt: it is a GGUF file/);
    await Deno.remove(join(folder, "pytorch_model.bin"));
    await assert.rejects(open(path, "pt"), /with --load-format pt: no such file in it/);
  });
});

/** A tensor of a type that nothing here can read. */
function strange(name: string, dtype: string): SafetensorsData {
  return { name, dtype, shape: [64], bytes: new Uint8Array(64 * 8) };
}

Deno.test("tensors that nobody reads may be of any type, needed ones are refused by name", async () => {
  const beside = [
    strange("model.layers.0.self_attn.rotary_emb.inv_freq", "F64"),
    { ...strange("masked_bias", "F8_E5M2"), bytes: new Uint8Array(64) },
    { name: "empty", dtype: "F32", shape: [0], bytes: new Uint8Array(0) },
    { name: "counts", dtype: "I64", shape: [2], bytes: new Uint8Array(16) },
  ];
  await withModel({ kind: "safetensors", beside }, async (path) => {
    assert.equal((await open(path)).tensors.has("counts"), false);
  });
  await withModel({ kind: "pt", beside: beside.filter(({ dtype }) => dtype !== "F8_E5M2") }, async (path) => {
    assert.equal((await open(path)).tensors.has("counts"), false);
  });
  for (const [kind, dtype] of [["safetensors", "F64"], ["safetensors", "I64"], ["pt", "F64"]] as const) {
    const config = { architecture: "MistralForCausalLM" };
    const tied = { ...config, tieWordEmbeddings: true };
    await withModel(
      { kind, config: tied, beside: [strange("lm_head.weight", dtype)] },
      async (path, folder) => {
        const file = join(folder, "config.json"), json = JSON.parse(await Deno.readTextFile(file));
        await Deno.writeTextFile(file, JSON.stringify({ ...json, "tie_word_embeddings": false }));
        await assert.rejects(open(path), {
          name: "LoadError",
          message: new RegExp(`tensor lm_head\\.weight is stored as ${dtype}, which is not supported`),
        });
      },
    );
  }
});

Deno.test("tensors of a GGUF file that nobody reads may be of any type, those with a meaning are refused", async () => {
  const iq1: Omit<GgufTensorData, "name"> = { dims: [256], type: 19, bytes: new Uint8Array(64) };
  const f32: Omit<GgufTensorData, "name"> = { dims: [64], type: 0, bytes: new Uint8Array(256) };
  const ones = { ...f32, bytes: new Uint8Array(Float32Array.from({ length: 64 }, () => 1).buffer) };
  const read = async (...ggufBeside: GgufTensorData[]) =>
    await withModel({ kind: "gguf", ggufBeside }, async (path) => void await open(path));
  await read({ name: "blk.0.extra.weight", ...iq1 }, { name: "other", ...f32 });
  await read({ name: "blk.0.attn_rot_embd", ...f32 }, { name: "blk.0.attn_norm.bias", ...f32 });
  for (
    const [tensor, message] of [
      [
        { name: "blk.1.attn_q_norm.weight", ...ones },
        /blk\.1\.attn_q_norm\.weight is not part of architecture/,
      ],
      [
        { name: "blk.1.attn_norm.bias", ...ones },
        /tensor model\.layers\.1\.input_layernorm\.bias is not part of/,
      ],
    ] as const
  ) {
    await assert.rejects(read(tensor), { name: "LoadError", message });
  }
  await withModel(
    { kind: "gguf", config: { tieWordEmbeddings: true } },
    async (path) => void await open(path),
  );
});

Deno.test("--quantization is accepted where it is what the files say", async () => {
  const opens = async (path: string, quantization: string) =>
    void await openCheckpoint(await resolveModel(path), quantization);
  await withModel({ kind: "gguf", format: "Q8_0" }, async (path) => {
    await opens(path, "gguf");
    await assert.rejects(opens(path, "awq"), /with --quantization awq: its files say gguf/);
  });
  await withModel({ kind: "safetensors" }, async (path) => {
    await assert.rejects(opens(path, "gptq_marlin"), /--quantization gptq_marlin: its files say nothing/);
  });
});
