/**
 * Writes tiny random checkpoints of any architecture: the same seed gives the same model as GGUF and as safetensors. Logits have a
 * standard deviation of about 2, so that no token wins by accident of rounding.
 *
 * @module
 */
import { join } from "node:path";
import type { ExpertConfig, ModelConfig, RopeConfig } from "../../runtime/contracts/checkpoint.ts";
import type { StorageFormat } from "../../runtime/contracts/storage_format.ts";
import type { Architecture } from "../../runtime/architectures/architecture.ts";
import { architectureOf } from "../../runtime/architectures/registry.ts";
import type { TensorTable } from "../../runtime/architectures/tensor_table.ts";
import { modelTensors } from "../../runtime/architectures/model_tensors.ts";
import { rowBytes } from "../../runtime/tensor_files/formats.ts";
import { encodeFloatRow, normal, type Random, randomRow, seededRandom } from "./block_formats.ts";
import { GGML_TYPE, ggufBytes, type GgufField, type GgufTensorData } from "./gguf_writer.ts";
import { safetensorsBytes, type SafetensorsData } from "./safetensors_writer.ts";
import { torchBytes } from "./torch_writer.ts";
import { huggingFaceConfig } from "./tiny_config_json.ts";
import { TINY_TOKENIZER } from "./tiny_tokenizer.ts";

/** What to write. */
export interface TinyModelOptions {
  /** `pt`: PyTorch's files, beside which lies what lies beside safetensors. */
  readonly kind: "gguf" | "safetensors" | "pt";
  readonly seed: number;
  /** Format of the matrices, or a choice by Hugging Face name; F32 if absent. Vectors are F32. */
  readonly format?: StorageFormat | ((name: string) => StorageFormat);
  /** Replaces parts of {@linkcode TINY_CONFIG}; the scaling of `rope` goes into safetensors only. */
  readonly config?: TinyConfigChange;
  /** Metadata of a GGUF file to put in place of its own. */
  readonly ggufFields?: Readonly<Record<string, GgufField>>;
  /** Version of GGUF; 3 if absent. */
  readonly ggufVersion?: number;
  /** Tensors that lie beside the model's in the last file of a GGUF model. */
  readonly ggufBeside?: readonly GgufTensorData[];
  /** Tensors that lie beside the model's in the last file of safetensors, as those of its own draft head. */
  readonly beside?: readonly SafetensorsData[];
  /** Files to spread the tensors over; 1 if absent. */
  readonly shards?: number;
}

/** Parts of a configuration; of `rope` too, whose width is that of the heads unless it is said. */
export type TinyConfigChange = Partial<Omit<ModelConfig, "rope">> & { readonly rope?: Partial<RopeConfig> };

/** The default shape; all widths are multiples of 32. */
export const TINY_CONFIG: ModelConfig = {
  architecture: "LlamaForCausalLM",
  hiddenSize: 64,
  intermediateSize: 128,
  numLayers: 2,
  numHeads: 4,
  numKvHeads: 2,
  headDim: 16,
  vocabSize: TINY_TOKENIZER.tokens.length,
  rmsNormEps: 1e-5,
  rope: { theta: 10000, rotaryDim: 16 },
  maxPositionEmbeddings: 512,
  tieWordEmbeddings: false,
  eosTokenIds: [TINY_TOKENIZER.eosTokenId],
};

/** Of architectures that have some. */
const TINY_EXPERTS: ExpertConfig = {
  count: 5,
  perRow: 2,
  intermediateSize: TINY_CONFIG.intermediateSize,
  normalise: true,
  denseLayers: [],
};

/** {@linkcode TINY_CONFIG} with some parts replaced. */
export function tinyConfig({ rope, ...change }: TinyConfigChange = {}): ModelConfig {
  const given = { ...TINY_CONFIG, ...change };
  const hasExperts = architectureOf(given).tensors.layer.some(({ presence }) => presence === "expertLayer");
  const config = { ...(hasExperts && { experts: TINY_EXPERTS }), ...given };
  return { ...config, rope: { ...TINY_CONFIG.rope, rotaryDim: config.headDim, ...rope } };
}

interface TinyTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly format: StorageFormat;
  /** Rows in Hugging Face's order. */
  readonly rows: readonly Uint8Array[];
  /** Rows of a vector as safetensors have them, if other ones. */
  readonly lessAddend?: readonly Uint8Array[];
}

/** Writes a model into `folder`; returns what `--model-path` takes: the GGUF file, or the folder. */
export async function writeTinyModel(folder: string, options: TinyModelOptions): Promise<string> {
  const config = tinyConfig(options.config);
  const { format = "F32" } = options;
  const random = seededRandom(options.seed);
  const architecture = architectureOf(config);
  const { embedding, lmHead } = architecture.tensors;
  const tensors = [...modelTensors(architecture, config)].filter(({ isRequired }) => isRequired).map(
    ({ name, shape, addend }) => {
      const gain = name === embedding || name === lmHead ? 2 : 1;
      if (addend !== undefined) return storedNorm(name, shape, addend, random);
      return randomTensor(name, shape, typeof format === "string" ? format : format(name), gain, random);
    },
  );
  await Deno.mkdir(folder, { recursive: true });
  if (options.kind !== "gguf") {
    await writeShards(folder, config, tensors, options);
    return folder;
  }
  const { shards = 1, ggufFields = {}, ggufBeside = [] } = options;
  const paths = Array.from(
    { length: shards },
    (_, i) => join(folder, shards === 1 ? "tiny.gguf" : `tiny-0000${i + 1}-of-0000${shards}.gguf`),
  );
  for (const [i, path] of paths.entries()) {
    const split: Record<string, GgufField> = shards === 1 ? {} : {
      "split.no": { type: "u16", value: i },
      "split.count": { type: "u16", value: shards },
      "split.tensors.count": { type: "i32", value: tensors.length + ggufBeside.length },
    };
    const part = tensors.filter((_, index) => index % shards === i);
    const data = ggufTensors(architecture, config, part);
    if (i === shards - 1) data.push(...ggufBeside);
    const fields = i === 0
      ? ggufFieldsOf(architecture, config, { ...split, ...ggufFields })
      : new Map(Object.entries(split));
    await Deno.writeFile(path, ggufBytes(fields, data, options.ggufVersion));
  }
  return paths[0]!;
}

/** A norm that safetensors store without what its module adds; either way the same numbers exactly. */
function storedNorm(name: string, shape: readonly number[], addend: number, random: Random): TinyTensor {
  const norm = Float64Array.from({ length: shape[0]! }, () => 1 + Math.round(100 * normal(random)) / 1024);
  const encoded = (added: number) => [encodeFloatRow("F32", norm.map((number) => number + added))];
  return { name, shape, format: "F32", rows: encoded(0), lessAddend: encoded(-addend) };
}

function randomTensor(
  name: string,
  shape: readonly number[],
  format: StorageFormat,
  gain: number,
  random: Random,
): TinyTensor {
  const cols = shape.at(-1)!;
  if (shape.length === 1) {
    const [mean, std] = name.endsWith(".bias") ? [0, 0.3] : [1, 0.1];
    const numbers = Float64Array.from({ length: cols }, () => mean + std * normal(random));
    return { name, shape, format: "F32", rows: [encodeFloatRow("F32", numbers)] };
  }
  if (rowBytes(format, cols) === undefined) {
    throw new RangeError(`Cannot write ${name}: ${cols} columns of ${format}`);
  }
  const std = gain / Math.sqrt(cols);
  return {
    name,
    shape,
    format,
    rows: Array.from({ length: shape[0]! }, () => randomRow(format, cols, random, std)),
  };
}

async function writeShards(
  folder: string,
  config: ModelConfig,
  tensors: readonly TinyTensor[],
  { kind, shards = 1, beside = [] }: Pick<TinyModelOptions, "kind" | "shards" | "beside">,
): Promise<void> {
  const json = (name: string, value: unknown) =>
    Deno.writeTextFile(join(folder, name), JSON.stringify(value, null, 2));
  await json("config.json", huggingFaceConfig(config));
  await json("generation_config.json", { "eos_token_id": config.eosTokenIds });
  await json("tokenizer.json", TINY_TOKENIZER.json);
  await json("tokenizer_config.json", TINY_TOKENIZER.config);
  const weightMap: Record<string, string> = {};
  for (let shard = 0; shard < shards; shard++) {
    const number = shards === 1 ? "" : `-0000${shard + 1}-of-0000${shards}`;
    const file = kind === "pt" ? `pytorch_model${number}.bin` : `model${number}.safetensors`;
    const part = tensors.filter((_, index) => index % shards === shard);
    const data: SafetensorsData[] = part.map(({ name, shape, format, rows, lessAddend }) => ({
      name,
      shape,
      dtype: format,
      bytes: concat(lessAddend ?? rows),
    }));
    if (shard === shards - 1) data.push(...beside);
    for (const { name } of data) weightMap[name] = file;
    const bytes = kind === "pt" ? await torchBytes(data) : safetensorsBytes(data);
    await Deno.writeFile(join(folder, file), bytes);
  }
  const index = kind === "pt" ? "pytorch_model.bin.index.json" : "model.safetensors.index.json";
  if (shards > 1) await json(index, { metadata: {}, "weight_map": weightMap });
}

function ggufFieldsOf(
  { name: architecture, gguf }: Architecture,
  config: ModelConfig,
  replaced: Readonly<Record<string, GgufField>>,
): Map<string, GgufField> {
  if (gguf === undefined) throw new RangeError(`Cannot write GGUF: ${architecture} has no names there`);
  const key = (name: string) => `${gguf.architecture}.${name}`;
  const u32 = (value: number): GgufField => ({ type: "u32", value });
  const text = (value: string): GgufField => ({ type: "string", value });
  return new Map<string, GgufField>([
    ["general.architecture", text(gguf.architecture)],
    [key("block_count"), u32(config.numLayers)],
    [key("context_length"), u32(config.maxPositionEmbeddings)],
    [key("embedding_length"), u32(config.hiddenSize)],
    [key("feed_forward_length"), u32(config.intermediateSize)],
    [key("attention.head_count"), u32(config.numHeads)],
    [key("attention.head_count_kv"), u32(config.numKvHeads)],
    [key("attention.key_length"), u32(config.headDim)],
    [key("attention.value_length"), u32(config.headDim)],
    [key("rope.dimension_count"), u32(config.headDim)],
    ...(config.experts === undefined ? [] : [
      [key("expert_count"), u32(config.experts.count)],
      [key("expert_used_count"), u32(config.experts.perRow)],
      [key("expert_feed_forward_length"), u32(config.experts.intermediateSize)],
    ] as const),
    [key("rope.freq_base"), { type: "f32", value: config.rope.theta }],
    [key("attention.layer_norm_rms_epsilon"), { type: "f32", value: config.rmsNormEps }],
    ["tokenizer.ggml.model", text("gpt2")],
    ["tokenizer.ggml.pre", text("smollm")],
    ["tokenizer.ggml.tokens", { type: "strings", value: TINY_TOKENIZER.tokens }],
    ["tokenizer.ggml.token_type", { type: "i32s", value: TINY_TOKENIZER.tokenTypes }],
    ["tokenizer.ggml.merges", { type: "strings", value: TINY_TOKENIZER.merges }],
    ["tokenizer.ggml.bos_token_id", u32(TINY_TOKENIZER.bosTokenId)],
    ["tokenizer.ggml.eos_token_id", u32(TINY_TOKENIZER.eosTokenId)],
    ["tokenizer.ggml.add_bos_token", { type: "bool", value: false }],
    ["tokenizer.chat_template", text(TINY_TOKENIZER.chatTemplate)],
    ...Object.entries(replaced),
  ]);
}

function ggufTensors(
  { gguf, tensors: table }: Architecture,
  config: ModelConfig,
  tensors: readonly TinyTensor[],
): GgufTensorData[] {
  return withStackedExperts(tensors).map(({ name, shape, format, rows }) => ({
    name: ggufName(table, name),
    dims: shape.toReversed(),
    type: GGML_TYPE[format],
    bytes: concat(
      gguf?.interleaved.some((part) => name.endsWith(part))
        ? interleaved(shape.length === 1 ? numbersOf(rows[0]!) : rows, config.headDim)
        : rows,
    ),
  }));
}

/** The numbers of a vector, each as its bytes. */
function numbersOf(vector: Uint8Array): Uint8Array[] {
  return Array.from({ length: vector.length / 4 }, (_, i) => vector.subarray(4 * i, 4 * i + 4));
}

/** The tensors, those of the experts of a layer as one each. */
function withStackedExperts(tensors: readonly TinyTensor[]): TinyTensor[] {
  const stacked = new Map<string, TinyTensor>();
  for (const tensor of tensors) {
    const name = tensor.name.replace(/\.experts\.\d+\./, ".experts."), before = stacked.get(name);
    const count = (before?.shape[0] ?? 0) + 1;
    if (name === tensor.name) stacked.set(name, tensor);
    else {
      const rows = [...(before?.rows ?? []), ...tensor.rows];
      stacked.set(name, { ...tensor, name, shape: [count, ...tensor.shape], rows });
    }
  }
  return [...stacked.values()];
}

/** GGUF's order of q and k rows: of each head (i, i + headDim / 2) become neighbours. */
function interleaved(rows: readonly Uint8Array[], headDim: number): Uint8Array[] {
  return rows.map((_, row) => {
    const inHead = row % headDim;
    return rows[row - inHead + (inHead >> 1) + (inHead & 1) * headDim / 2]!;
  });
}

function ggufName({ input, layerPrefix, layer, output }: TensorTable, name: string): string {
  const top = [...input, ...output].find((spec) => spec.name === name);
  if (top?.ggufName !== undefined) return top.ggufName;
  const [, number, part] = /^(\d+)\.(.+)$/.exec(name.slice(layerPrefix.length)) ?? [];
  const spec = layer.find((spec) => spec.name === part);
  if (spec?.ggufName === undefined) throw new RangeError(`Cannot write GGUF: ${name} has no name there`);
  return `blk.${number}.${spec.ggufName}`;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
