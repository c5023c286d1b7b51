/**
 * Tiny random draft heads on disk, as their trainers write them.
 *
 * @module
 */
import { join } from "node:path";
import type { ModelConfig } from "../../runtime/contracts/checkpoint.ts";
import type { StorageFormat } from "../../runtime/contracts/storage_format.ts";
import { encodeFloatRow, normal, type Random, seededRandom } from "./block_formats.ts";
import { safetensorsBytes, type SafetensorsData } from "./safetensors_writer.ts";
import { torchBytes } from "./torch_writer.ts";

/** A head to write; an MTP layer comes in a checkpoint that has other layers too. */
export interface TinyHeadOptions {
  readonly kind: "eagle" | "eagle3" | "mtp";
  readonly seed: number;
  /** The target it is for. */
  readonly target: ModelConfig;
  readonly format?: Extract<StorageFormat, "F32" | "F16" | "BF16">;
  /** `pytorch_model.bin` instead of safetensors. */
  readonly isTorch?: boolean;
  readonly numLayers?: number;
  /** EAGLE-3: what the first layer is called. */
  readonly layerName?: "midlayer" | "layers.0";
  /** EAGLE-3: distinct target ids the head speaks; all of them, and no d2t, if absent. */
  readonly draftTokens?: readonly number[];
  readonly hasOwnLmHead?: boolean;
  readonly hasOwnEmbedding?: boolean;
  /** EAGLE: `fc.bias`. */
  readonly hasFcBias?: boolean;
  /** EAGLE and MTP: q, k and v have biases. */
  readonly hasQkvBias?: boolean;
  /** EAGLE-3: one norm per state before `fc`. */
  readonly hasFcNorm?: boolean;
  /** Further entries of config.json. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Changes the tensors before they are written. */
  readonly change?: (tensors: Map<string, SafetensorsData>) => void;
}

/** Writes a head into `folder`. */
export async function writeTinyHead(folder: string, options: TinyHeadOptions): Promise<void> {
  const { target } = options;
  await Deno.mkdir(folder, { recursive: true });
  const tensors = tinyHeadTensors(options);
  options.change?.(tensors);
  const all = [...tensors.values()];
  await (options.isTorch
    ? Deno.writeFile(join(folder, "pytorch_model.bin"), await torchBytes(all))
    : Deno.writeFile(join(folder, "model.safetensors"), safetensorsBytes(all)));
  const config = {
    architectures: ["LlamaForCausalLM"],
    "hidden_size": target.hiddenSize,
    "intermediate_size": target.intermediateSize,
    "num_hidden_layers": options.numLayers ?? 1,
    "num_attention_heads": target.numHeads,
    "num_key_value_heads": target.numKvHeads,
    "head_dim": target.headDim,
    "vocab_size": target.vocabSize,
    "draft_vocab_size": options.draftTokens?.length ?? target.vocabSize,
    "rms_norm_eps": 1e-5,
    ...options.config,
  };
  await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify(config));
}

/** The tensors of a head by name, as its trainer writes them. */
export function tinyHeadTensors(options: TinyHeadOptions): Map<string, SafetensorsData> {
  const { kind, target, format = "F32", numLayers = 1, layerName = "midlayer", draftTokens } = options;
  const { hiddenSize, intermediateSize, vocabSize } = target, isEagle3 = kind === "eagle3";
  const queryWidth = target.numHeads * target.headDim, kvWidth = target.numKvHeads * target.headDim;
  const random = seededRandom(options.seed), tensors = new Map<string, SafetensorsData>();
  const add = (name: string, shape: readonly number[], mean: number, std: number) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Float64Array.from({ length: count }, () => mean + std * normal(random));
    tensors.set(name, { name, shape, dtype: format, bytes: encodeFloatRow(format, values) });
  };
  const matrix = (name: string, rows: number, cols: number) =>
    add(`${name}.weight`, [rows, cols], 0, 1 / Math.sqrt(cols));
  const norm = (name: string, width = hiddenSize) => add(`${name}.weight`, [width], 1, .1);
  const bias = (name: string, width: number) => add(`${name}.bias`, [width], 0, .3);

  if (kind !== "mtp") matrix("fc", hiddenSize, (isEagle3 ? 3 : 2) * hiddenSize);
  if (options.hasFcBias) bias("fc", hiddenSize);
  for (let i = 0; options.hasFcNorm && i < 3; i++) norm(`fc_norm.${i}`);
  for (let i = 0; i < numLayers; i++) {
    const layer = isEagle3 && i === 0 ? layerName : `layers.${i}`;
    const inputWidth = isEagle3 && i === 0 ? 2 * hiddenSize : hiddenSize;
    if (kind === "mtp") {
      norm(`${layer}.token_layernorm`);
      norm(`${layer}.hidden_layernorm`);
      norm(`${layer}.final_layernorm`);
      matrix(`${layer}.input_proj`, hiddenSize, 2 * hiddenSize);
    }
    if (kind !== "eagle" || i > 0) norm(`${layer}.input_layernorm`);
    if (isEagle3 && i === 0) norm(`${layer}.hidden_norm`);
    for (const [name, rows] of [["q", queryWidth], ["k", kvWidth], ["v", kvWidth]] as const) {
      matrix(`${layer}.self_attn.${name}_proj`, rows, inputWidth);
      if (options.hasQkvBias) bias(`${layer}.self_attn.${name}_proj`, rows);
    }
    matrix(`${layer}.self_attn.o_proj`, hiddenSize, queryWidth);
    norm(`${layer}.post_attention_layernorm`);
    matrix(`${layer}.mlp.gate_proj`, intermediateSize, hiddenSize);
    matrix(`${layer}.mlp.up_proj`, intermediateSize, hiddenSize);
    matrix(`${layer}.mlp.down_proj`, hiddenSize, intermediateSize);
  }
  if (options.hasOwnEmbedding) matrix("embed_tokens", vocabSize, hiddenSize);
  if (isEagle3) norm("norm");
  if (isEagle3 && options.hasOwnLmHead !== false) {
    matrix("lm_head", draftTokens?.length ?? vocabSize, hiddenSize);
  }
  if (draftTokens) addMaps(tensors, draftTokens, vocabSize);
  if (kind !== "mtp") return tensors;
  const layer = new Map([...tensors].map(([name, tensor]) => {
    const inFile = name.replace(/^layers/, "model.mtp_layers");
    return [inFile, { ...tensor, name: inFile }];
  }));
  const other = { ...tensors.get("layers.0.mlp.up_proj.weight")!, name: "model.layers.0.mlp.up_proj.weight" };
  return layer.set(other.name, { ...other, bytes: new Uint8Array(other.bytes.length) });
}

/** `d2t`: how far each target id lies from its draft id; `t2d`: which target ids there are. */
function addMaps(
  tensors: Map<string, SafetensorsData>,
  draftTokens: readonly number[],
  vocabSize: number,
): void {
  const offsets = BigInt64Array.from(draftTokens, (token, i) => BigInt(token - i));
  tensors.set("d2t", {
    name: "d2t",
    shape: [draftTokens.length],
    dtype: "I64",
    bytes: new Uint8Array(offsets.buffer),
  });
  const known = Uint8Array.from({ length: vocabSize }, (_, token) => Number(draftTokens.includes(token)));
  tensors.set("t2d", { name: "t2d", shape: [vocabSize], dtype: "BOOL", bytes: known });
}

/** Distinct tokens of a vocabulary in rising order, as draft vocabularies have them. */
export function randomDraftTokens(count: number, vocabSize: number, random: Random): number[] {
  const tokens = new Set<number>();
  while (tokens.size < count) tokens.add(Math.floor(random() * vocabSize));
  return [...tokens].sort((a, b) => a - b);
}
