/**
 * Reads a GGUF file as a Hugging Face checkpoint: metadata become a {@linkcode ModelConfig}, tensors get their
 * Hugging Face names.
 *
 * @module
 */
import type { ModelConfig, RopeScaling, TensorSource } from "../contracts/checkpoint.ts";
import type { TokenizerSource } from "../tokenizer/source.ts";
import type { GgufFile } from "../tensor_files/gguf.ts";
import { GgufMetadata } from "../tensor_files/gguf_metadata.ts";

const ARCHITECTURE = "llama";

/** Tensors outside the layers; `rope_freqs.weight` (Llama 3's rotary factors) has no Hugging Face name and keeps its own. */
const TOP_NAMES: Readonly<Record<string, string>> = {
  "token_embd.weight": "model.embed_tokens.weight",
  "output_norm.weight": "model.norm.weight",
  "output.weight": "lm_head.weight",
  "rope_freqs.weight": "rope_freqs.weight",
};

const LAYER_NAMES: Readonly<Record<string, string>> = {
  "attn_norm": "input_layernorm",
  "attn_q": "self_attn.q_proj",
  "attn_k": "self_attn.k_proj",
  "attn_v": "self_attn.v_proj",
  "attn_output": "self_attn.o_proj",
  "ffn_norm": "post_attention_layernorm",
  "ffn_gate": "mlp.gate_proj",
  "ffn_up": "mlp.up_proj",
  "ffn_down": "mlp.down_proj",
};

/** llama.cpp's converter reorders the rows of q and k of this architecture. */
const INTERLEAVED = /^blk\.\d+\.attn_[qk]\.weight$/;

/**
 * The model's configuration.
 *
 * @throws {LoadError} naming the key, if the architecture or a setting of it is not supported
 */
export function ggufConfig(file: GgufFile, tokenizer: TokenizerSource | undefined): ModelConfig {
  const metadata = new GgufMetadata(file);
  const architecture = metadata.required("general.architecture", metadata.string("general.architecture"));
  if (architecture !== ARCHITECTURE) {
    throw metadata.error(`general.architecture is ${architecture}, expected ${ARCHITECTURE}`);
  }
  const key = (name: string) => `${ARCHITECTURE}.${name}`;
  for (const refused of [key("expert_count"), "split.count"]) {
    const count = metadata.number(refused) ?? 0;
    if (count > 1) throw metadata.error(`${refused} is ${count}, which is not supported`);
  }
  const hiddenSize = metadata.size(key("embedding_length"));
  const numHeads = metadata.size(key("attention.head_count"));
  const headDim = metadata.number(key("attention.key_length")) ?? hiddenSize / numHeads;
  for (const same of [key("attention.value_length"), key("rope.dimension_count")]) {
    const width = metadata.number(same) ?? headDim;
    if (width !== headDim) throw metadata.error(`${same} is ${width}, expected the head width ${headDim}`);
  }
  const scaling = ropeScaling(metadata, key);
  const bos = metadata.number("tokenizer.ggml.bos_token_id");
  const eos = metadata.number("tokenizer.ggml.eos_token_id");
  return {
    architecture: "LlamaForCausalLM",
    hiddenSize,
    intermediateSize: metadata.size(key("feed_forward_length")),
    numLayers: metadata.size(key("block_count")),
    numHeads,
    numKvHeads: metadata.number(key("attention.head_count_kv")) ?? numHeads,
    headDim,
    vocabSize: file.tensors.find(({ name }) => name === "token_embd.weight")?.shape[0] ?? 0,
    rmsNormEps: metadata.required(
      key("attention.layer_norm_rms_epsilon"),
      metadata.number(key("attention.layer_norm_rms_epsilon")),
    ),
    ropeTheta: metadata.number(key("rope.freq_base")) ?? 10000,
    ...(scaling !== undefined && { ropeScaling: scaling }),
    maxPositionEmbeddings: metadata.size(key("context_length")),
    tieWordEmbeddings: !file.tensors.some(({ name }) => name === "output.weight"),
    ...(bos !== undefined && { bosTokenId: bos }),
    eosTokenIds: tokenizer?.eosTokenIds ?? (eos === undefined ? [] : [eos]),
  };
}

/**
 * The model's tensors by Hugging Face name.
 *
 * @throws {LoadError} naming a tensor that the architecture does not have
 */
export function ggufTensors(file: GgufFile): Map<string, TensorSource> {
  const metadata = new GgufMetadata(file);
  return new Map(file.tensors.map(({ name, shape, format, offset, bytes }) => {
    const renamed = huggingFaceName(name);
    if (renamed === undefined) {
      throw metadata.error(`tensor ${name} is not part of architecture ${ARCHITECTURE}`);
    }
    const rowOrder = INTERLEAVED.test(name) ? "interleaved" : "plain";
    return [renamed, { name: renamed, file: file.path, offset, bytes, format, shape, rowOrder }];
  }));
}

function huggingFaceName(name: string): string | undefined {
  if (Object.hasOwn(TOP_NAMES, name)) return TOP_NAMES[name];
  const [, layer, part] = /^blk\.(\d+)\.(\w+)\.weight$/.exec(name) ?? [];
  if (part === undefined || !Object.hasOwn(LAYER_NAMES, part)) return undefined;
  return `model.layers.${layer}.${LAYER_NAMES[part]}.weight`;
}

function ropeScaling(metadata: GgufMetadata, key: (name: string) => string): RopeScaling | undefined {
  const type = metadata.string(key("rope.scaling.type")) ?? "none";
  if (type === "none") return undefined;
  if (type !== "linear") {
    throw metadata.error(`${key("rope.scaling.type")} is ${type}, expected linear or none`);
  }
  const factorKey = key("rope.scaling.factor");
  return { type, factor: metadata.required(factorKey, metadata.number(factorKey)) };
}
