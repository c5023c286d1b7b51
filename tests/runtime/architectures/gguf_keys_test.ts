/**
 * Keys of GGUF files below the architecture's name: what is read of them, and what is refused because no model here
 * computes it.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import type { Architecture } from "../../../runtime/architectures/architecture.ts";
import { GEMMA2 } from "../../../runtime/architectures/gemma2.ts";
import { GEMMA3 } from "../../../runtime/architectures/gemma3.ts";
import { GRANITE } from "../../../runtime/architectures/granite.ts";
import { LLAMA } from "../../../runtime/architectures/llama.ts";
import { PHI3 } from "../../../runtime/architectures/phi3.ts";
import { SMOLLM3 } from "../../../runtime/architectures/smollm3.ts";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import { readGguf } from "../../../runtime/tensor_files/gguf.ts";
import { GgufMetadata } from "../../../runtime/tensor_files/gguf_metadata.ts";
import { ggufBytes, type GgufField } from "../../support/gguf_writer.ts";

/** Fields below the architecture's name: numbers, truth values, numbers of 32 bits in a list. */
type Keys = Readonly<Record<string, number | boolean | readonly number[]>>;

const COMMON: Keys = {
  "embedding_length": 64,
  "feed_forward_length": 128,
  "block_count": 4,
  "attention.head_count": 4,
  "attention.layer_norm_rms_epsilon": 1,
  "context_length": 512,
};

function field(value: Keys[string]): GgufField {
  if (typeof value === "boolean") return { type: "bool", value };
  return typeof value === "number" ? { type: "f32", value } : { type: "i32s", value };
}

async function configOf({ gguf }: Architecture, keys: Keys) {
  const folder = await Deno.makeTempDir(), path = join(folder, "keys.gguf");
  try {
    const fields = Object.entries({ ...COMMON, ...keys });
    const named = fields.map(([name, value]) => [`${gguf!.architecture}.${name}`, field(value)] as const);
    await Deno.writeFile(path, ggufBytes(new Map(named), []));
    return gguf!.readConfig(new GgufMetadata(readGguf(path)));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const sees = (...windows: readonly number[]) => windows.map((window) => window === 0 ? "all" : window);

/** The windows of the layers, `all` where there is none. */
async function windowsOf(architecture: Architecture, keys: Keys) {
  return (await configOf(architecture, keys)).layers?.map(({ window }) => window ?? "all");
}

Deno.test("GGUF keys: numbers that are written out for each layer count where they are the same", async () => {
  const keys = { "attention.head_count_kv": [2, 2, 2, 2], "feed_forward_length": [96, 96, 96, 96] };
  const { numHeads, numKvHeads, intermediateSize, headDim } = await configOf(LLAMA, keys);
  assert.deepEqual([numHeads, numKvHeads, intermediateSize, headDim], [4, 2, 96, 16]);
  await assert.rejects(configOf(LLAMA, { "attention.head_count_kv": [2, 1, 2, 2] }), {
    name: "LoadError",
    message: /llama\.attention\.head_count_kv is 2, 1, 2, 2, expected one positive number/,
  });
});

Deno.test("GGUF keys: windows by a number, by an interval and by a list", async () => {
  const window = "attention.sliding_window", pattern = "attention.sliding_window_pattern";
  assert.deepEqual(await windowsOf(GEMMA2, {}), sees(4096, 0, 4096, 0));
  assert.deepEqual(await windowsOf(GEMMA2, { [window]: 9, [pattern]: 3 }), sees(9, 9, 0, 9));
  assert.deepEqual(await windowsOf(GEMMA2, { [window]: 9, [pattern]: [1, 0, 0, 1] }), sees(9, 0, 0, 9));
  assert.deepEqual(await windowsOf(PHI3, { [window]: 9 }), sees(9, 9, 9, 9));
  assert.equal(await windowsOf(PHI3, { [window]: 0 }), undefined);
  assert.equal(await windowsOf(GEMMA3, {}), undefined);
  const { layers, localRope } = await configOf(GEMMA3, {
    [window]: 9,
    [pattern]: 2,
    "rope.freq_base_swa": 70,
  });
  assert.deepEqual(layers?.map(({ rope }) => rope), ["local", "global", "local", "global"]);
  assert.deepEqual(localRope, { theta: 70, rotaryDim: 16 });
});

Deno.test("GGUF keys: scales and caps, and what they are where nothing is said", async () => {
  const gemma = await configOf(GEMMA2, { "attn_logit_softcapping": 0, "final_logit_softcapping": 7 });
  assert.deepEqual(
    [gemma.embeddingScale, gemma.attentionScale, gemma.attentionSoftCap, gemma.logitSoftCap],
    [8, 1 / 4, undefined, 7],
  );
  assert.deepEqual((await configOf(GEMMA2, {})).attentionSoftCap, 50);
  const granite = await configOf(GRANITE, {
    "embedding_scale": 12,
    "residual_scale": 0.25,
    "logit_scale": 8,
    "attention.scale": 0.5,
  });
  assert.deepEqual(
    [granite.embeddingScale, granite.residualScale, granite.logitScale, granite.attentionScale],
    [12, 0.25, 1 / 8, 0.5],
  );
  const { layers } = await configOf(SMOLLM3, {});
  assert.deepEqual(layers?.map(({ rope }) => rope), ["global", "global", "global", "none"]);
});

Deno.test("GGUF keys: what no model here computes is refused by name", async () => {
  const cases: readonly (readonly [Architecture, Keys, RegExp])[] = [
    [LLAMA, { "attention.sliding_window": 16 }, /llama\.attention\.sliding_window is 16, expected 0/],
    [LLAMA, { "attention.clamp_kqv": 8 }, /llama\.attention\.clamp_kqv is 8, expected 0/],
    [LLAMA, { "attention.max_alibi_bias": 8 }, /max_alibi_bias is 8/],
    [LLAMA, { "attention.value_length": 32 }, /attention\.value_length is 32, expected 16/],
    [LLAMA, { "attention.key_length_swa": 32 }, /attention\.key_length_swa is 32, expected 16/],
    [LLAMA, { "attention.temperature_scale": 0.1 }, /temperature_scale is 0\.1/],
    [LLAMA, { "attention.causal": false }, /llama\.attention\.causal is false/],
    [LLAMA, { "block_count": 20_000 }, /llama\.block_count is 20000, expected at most 10000/],
    [GEMMA2, { "rope.freq_base_swa": 70 }, /gemma2\.rope\.freq_base_swa is 70, expected 10000/],
    [LLAMA, { "rope.scaling.yarn_ext_factor": 1 }, /yarn_ext_factor is there, expected none with linear/],
    [LLAMA, { "expert_count": 8 }, /llama\.expert_count is 8, expected 0/],
    [GRANITE, { "rope.scaling.finetuned": false }, /granite\.rope\.scaling\.finetuned is false/],
    [
      GEMMA2,
      { "attention.sliding_window_pattern": [1, 0] },
      /sliding_window_pattern has 2 entries, expected 4/,
    ],
  ];
  for (const [architecture, keys, message] of cases) {
    await assert.rejects(configOf(architecture, keys), (error: Error) => {
      assert.ok(error instanceof LoadError);
      assert.match(error.message, message);
      return true;
    });
  }
  await configOf(LLAMA, {
    "attention.sliding_window": 0,
    "attention.causal": true,
    "attention.unheard_of": 3,
    "rope.freq_base_swa": 10_000,
    "rope.scaling.yarn_ext_factor": -1,
  });
});
