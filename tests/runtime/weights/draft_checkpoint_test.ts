/**
 * Draft heads: what is made of their files, and that what does not fit is refused with what was found and expected.
 *
 * @module
 */
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import type { Checkpoint } from "../../../runtime/contracts/checkpoint.ts";
import type { HeadCheckpoint } from "../../../runtime/contracts/speculation_config.ts";
import { openDraftHead } from "../../../runtime/weights/draft_checkpoint.ts";
import { fakeHub, withHubCache } from "../../support/fake_hub.ts";
import { withTinyCheckpoint } from "../../support/models.ts";
import { type TinyHeadOptions, writeTinyHead } from "../../support/tiny_head.ts";

type Options = Omit<TinyHeadOptions, "target" | "seed">;

const NUM_LAYERS = 8, draftTokens = [3, 5, 6, 100, 299];

/** Writes a head for `target`, or for it with other sizes, and opens it. */
async function open(
  target: Checkpoint,
  options: Options,
  sizes: Partial<Checkpoint["config"]> = {},
): Promise<HeadCheckpoint> {
  const folder = await Deno.makeTempDir();
  try {
    await writeTinyHead(folder, { ...options, seed: 1, target: { ...target.config, ...sizes } });
    return await openDraftHead({ path: folder, target });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const withTarget = (body: (target: Checkpoint) => Promise<void>) =>
  withTinyCheckpoint({ kind: "gguf", seed: 1, config: { numLayers: NUM_LAYERS } }, body);

Deno.test("the kind follows from the tensors, whatever names and containers they come in", () =>
  withTarget(async (target) => {
    const heads: readonly Options[] = [
      { kind: "eagle3", draftTokens },
      { kind: "eagle3", draftTokens, layerName: "layers.0", isTorch: true },
      { kind: "eagle3", draftTokens, change: prefixed },
    ];
    for (const options of heads) {
      const { head, tensors, config } = await open(target, options);
      assert.equal(head.kind, "eagle3");
      assert.deepEqual([...head.draftTokens!], draftTokens);
      assert.deepEqual(tensors.get("layers.0.self_attn.q_proj.weight")!.shape, [128, 128]);
      assert.equal(config.rope.theta, 10000);
    }
    for (const isTorch of [false, true]) {
      const { head, config } = await open(target, { kind: "eagle", hasFcBias: true, isTorch, numLayers: 2 });
      assert.deepEqual([head.kind, [...head.featureLayers], config.numLayers], ["eagle", [NUM_LAYERS], 2]);
    }
  }));

function prefixed(tensors: Parameters<NonNullable<Options["change"]>>[0]): void {
  for (const [name, tensor] of [...tensors]) {
    tensors.delete(name);
    tensors.set(name, { ...tensor, name: `model.${name}` });
  }
}

Deno.test("MTP layers are found among their target's layers, one or several", () =>
  withTarget(async (target) => {
    for (const numLayers of [1, 3]) {
      const { head, tensors, config } = await open(target, { kind: "mtp", hasQkvBias: true, numLayers });
      assert.deepEqual([head.kind, [...head.featureLayers], head.normOutput], ["mtp", [NUM_LAYERS], true]);
      assert.deepEqual(tensors.get(`layers.${numLayers - 1}.input_proj.weight`)!.shape, [64, 128]);
      assert.equal(config.numLayers, numLayers);
    }
    const lacking = (tensors: Parameters<NonNullable<Options["change"]>>[0]) =>
      void tensors.delete("model.mtp_layers.1.final_layernorm.weight");
    await assert.rejects(open(target, { kind: "mtp", numLayers: 2, change: lacking }), {
      name: "LoadError",
      message: /tensor layers\.1\.final_layernorm\.weight is missing/,
    });
  }));

Deno.test("the target's checkpoint may be sharded, here and on the hub", () =>
  withTarget(async (target) => {
    const folder = await Deno.makeTempDir(), shard = "model-00001-of-00002.safetensors";
    await writeTinyHead(folder, { kind: "mtp", seed: 1, target: target.config });
    await Deno.rename(join(folder, "model.safetensors"), join(folder, shard));
    const index = JSON.stringify({ "weight_map": { "model.mtp_layers.0.input_proj.weight": shard } });
    await Deno.writeTextFile(join(folder, "model.safetensors.index.json"), index);
    const files: Record<string, Uint8Array<ArrayBuffer>> = {};
    for await (const { name } of Deno.readDir(folder)) files[name] = await Deno.readFile(join(folder, name));
    assert.equal((await openDraftHead({ path: folder, target })).head.kind, "mtp");
    await Deno.remove(folder, { recursive: true });
    await withHubCache(async (downloadDir) => {
      const fetch = fakeHub({ ...files, "consolidated.safetensors": "the same again" });
      const head = await openDraftHead({ path: "owner/repo", target, downloadDir, fetch });
      assert.equal(head.head.kind, "mtp");
      assert.deepEqual(head.files.map((file) => basename(file)), [shard]);
    });
  }));

Deno.test("the hidden states are those the config names, by either convention, or the authors' choice", () =>
  withTarget(async (target) => {
    const layers = async (
      config: Readonly<Record<string, unknown>>,
    ) => [...(await open(target, { kind: "eagle3", draftTokens, config })).head.featureLayers];
    assert.deepEqual(await layers({}), [2, 4, 5]);
    assert.deepEqual(await layers({ "feature_hf_index": [1, 3, 7] }), [1, 3, 7]);
    const ids = { "eagle_aux_hidden_state_layer_ids": [1, 3, 4] };
    assert.deepEqual(await layers({ "eagle_config": ids }), [2, 4, 5]);
    const { head } = await open(target, {
      kind: "eagle3",
      draftTokens,
      config: { "norm_before_residual": true, "norm_output": true },
    });
    assert.deepEqual([head.normBeforeResidual, head.normOutput], [true, true]);
  }));

Deno.test("heads that do not fit target or their own config are refused", () =>
  withTarget(async (target) => {
    const eagle3: Options = { kind: "eagle3", draftTokens };
    const without = (name: string): Options => ({ ...eagle3, change: (tensors) => tensors.delete(name) });
    const cases: [() => Promise<unknown>, RegExp][] = [
      [
        () => open(target, eagle3, { hiddenSize: 96 }),
        /tensor fc\.weight is \[96, 288\], expected \[96, 192\] for a target of width 64/,
      ],
      [
        () => open(target, { kind: "eagle" }, { hiddenSize: 96 }),
        /fc\.weight is \[96, 192\] and there is no hidden_norm, expected \[n, n \+ 64\]/,
      ],
      [
        () => open(target, { ...eagle3, config: { "vocab_size": 321 } }),
        /its vocabulary has 321 tokens, expected 320 as /,
      ],
      [
        () => open(target, { ...eagle3, config: { "feature_hf_index": [2, 4] } }),
        /fc\.weight is \[64, 192\], expected \[64, 128\]/,
      ],
      [
        () => open(target, { ...eagle3, config: { "feature_hf_index": [2, 4, 9] } }),
        /draws on hidden state 9, expected at most 8/,
      ],
      [() => open(target, without("fc.weight")), /it has no tensor fc\.weight, expected an EAGLE/],
      [() => open(target, without("norm.weight")), /tensor norm\.weight is missing, expected \[64\]/],
      [() => open(target, without("d2t")), /its LM head has 5 rows and there is no d2t, expected 320/],
      [
        () => open(target, without("lm_head.weight")),
        /d2t maps 5 tokens, expected 320, the rows of its LM head/,
      ],
      [() => open(target, { ...eagle3, draftTokens: [3, 320] }), /d2t leads to token 320, expected 0\.\.319/],
      [
        () => open(target, { ...eagle3, config: { "hidden_act": "gelu" } }),
        /hidden_act is "gelu", expected silu/,
      ],
      [
        () => openDraftHead({ path: "/nowhere", target }),
        /Cannot load draft head \/nowhere: no such folder/,
      ],
      [() => openDraftHead({ path: "/proc/version", target }), /it is no folder/],
    ];
    for (const [opened, message] of cases) await assert.rejects(opened, { name: "LoadError", message });
  }));

Deno.test("a head of a quantised checkpoint is read where it was left in floats, and refused where not", () =>
  withTarget(async (target) => {
    const config = { "quantization_config": { "quant_method": "gptq" } };
    const { head } = await open(target, { kind: "mtp", config });
    assert.equal(head.kind, "mtp");
    const quantised = (tensors: Parameters<NonNullable<Options["change"]>>[0]) => {
      const name = "model.mtp_layers.0.input_proj.qweight";
      tensors.set(name, { name, shape: [2, 2], dtype: "I32", bytes: new Uint8Array(16) });
    };
    await assert.rejects(open(target, { kind: "mtp", config, change: quantised }), {
      name: "LoadError",
      message: /quantization_config is .*gptq.*, expected none/,
    });
  }));

Deno.test("a folder without weights is refused, other files beside the weights are left alone", () =>
  withTarget(async (target) => {
    const folder = await Deno.makeTempDir();
    try {
      await writeTinyHead(folder, { kind: "eagle", seed: 1, target: target.config });
      await Deno.writeTextFile(join(folder, "golden.safetensors"), "not a head");
      assert.equal((await openDraftHead({ path: folder, target })).head.kind, "eagle");
      await Deno.remove(join(folder, "model.safetensors"));
      await assert.rejects(
        openDraftHead({ path: folder, target }),
        /expected model\.safetensors or pytorch_model\.bin in it/,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }));
