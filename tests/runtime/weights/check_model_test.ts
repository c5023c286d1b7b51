/**
 * What lies in a checkpoint beside its model: nobody reads it, so it stops nothing, unless a module would lack it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { safetensorsBytes } from "../../support/safetensors_writer.ts";
import { writeTinyModel } from "../../support/tiny_model.ts";

const WIDTH = 64, MODULE = "model.layers.1.self_attn.q_proj";

/** Opens a tiny Llama beside whose tensors lies a vector of this name, all of it this number. */
async function openWith(
  name: string,
  number: number,
  dtype: "F32" | "F64" = "F32",
  width = WIDTH,
): Promise<ReadonlySet<string>> {
  const folder = await Deno.makeTempDir();
  try {
    await writeTinyModel(folder, { kind: "safetensors", seed: 2, shards: 2 });
    const Floats = dtype === "F32" ? Float32Array : Float64Array;
    const bytes = new Uint8Array(new Floats(width).fill(number).buffer);
    const file = "model-00003.safetensors", path = join(folder, "model.safetensors.index.json");
    await Deno.writeFile(
      join(folder, file),
      safetensorsBytes([{ name, shape: [width], dtype, bytes }]),
    );
    const index = JSON.parse(await Deno.readTextFile(path));
    index["weight_map"][name] = file;
    await Deno.writeTextFile(path, JSON.stringify(index));
    const { checkpoint } = await openCheckpoint(await resolveModel(folder));
    return new Set(checkpoint.tensors.keys());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a bias of a module that has none is refused by name, one of zeros is left out", async () => {
  for (const zero of [0, -0]) assert.ok(!(await openWith(`${MODULE}.bias`, zero)).has(`${MODULE}.bias`));
  await assert.rejects(
    openWith(`${MODULE}.bias`, 1e-20),
    /LoadError: .*tensor model\.layers\.1\.self_attn\.q_proj\.bias is not part of LlamaForCausalLM/,
  );
});

Deno.test("a bias of a module that has none is refused where nothing here reads its type", async () => {
  await assert.rejects(openWith(`${MODULE}.bias`, 3, "F64"), /q_proj\.bias is stored as F64, which is not/);
  for (const width of [0, WIDTH]) await openWith("vision_tower.patches.bias", 3, "F64", width);
  await openWith(`${MODULE}.bias`, 3, "F64", 0);
});

Deno.test("a quantised module that the model does not have stops nothing, one that it has must be whole", async () => {
  const openQuantised = async (name: string) => {
    const folder = await Deno.makeTempDir(), path = join(folder, "config.json");
    try {
      const beside = [{ name, shape: [2, 24], dtype: "F8_E4M3", bytes: new Uint8Array(48) }];
      await writeTinyModel(folder, { kind: "safetensors", seed: 2, beside });
      const json = JSON.parse(await Deno.readTextFile(path));
      await Deno.writeTextFile(
        path,
        JSON.stringify({ ...json, "quantization_config": { "quant_method": "fp8" } }),
      );
      return (await openCheckpoint(await resolveModel(folder))).checkpoint.quantization;
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
  assert.equal(await openQuantised("vision_tower.fc.weight"), "fp8");
  await assert.rejects(
    openQuantised("model.layers.0.mlp.extra_proj.weight"),
    /has 24 inputs in groups of 24/,
  );
});

Deno.test("tensors of no module of the model are left out, biases or not", async () => {
  for (const name of ["vision_tower.patches.bias", "model.layers.1.self_attn.rotary_emb.inv_freq"]) {
    const names = await openWith(name, 3);
    assert.ok(!names.has(name) && names.has(`${MODULE}.weight`));
  }
});
