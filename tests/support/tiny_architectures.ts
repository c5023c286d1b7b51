/**
 * A tiny random model of every architecture, written by its descriptor: sizes that all share, and settings of each that
 * exercise what is its own. The references of `tests/references/` say whether such models compute the right numbers; these
 * are for laws that hold of any weights.
 *
 * @module
 */
import { join } from "node:path";
import { architectureOf } from "../../runtime/architectures/registry.ts";
import { modelTensors } from "../../runtime/architectures/model_tensors.ts";
import { encodeFloatRow, normal, seededRandom } from "./block_formats.ts";
import { safetensorsBytes, type SafetensorsData } from "./safetensors_writer.ts";
import { TINY_TOKENIZER } from "./tiny_tokenizer.ts";

/** Layers of every model: enough for the states that EAGLE-3 heads take, and for layers that alternate. */
export const NUM_LAYERS = 6;
/** Tokens that a layer with a window sees: fewer than prompts and trees of the laws have. */
const WINDOW = 20;

/** Fields of config.json that all have. */
const SHARED = {
  "hidden_size": 64,
  "intermediate_size": 128,
  "num_hidden_layers": NUM_LAYERS,
  "num_attention_heads": 4,
  "num_key_value_heads": 2,
  "head_dim": 32,
  "vocab_size": TINY_TOKENIZER.tokens.length,
  "rms_norm_eps": 1e-5,
  "rope_theta": 10000,
  "max_position_embeddings": 512,
  "tie_word_embeddings": false,
  "bos_token_id": TINY_TOKENIZER.bosTokenId,
  "eos_token_id": TINY_TOKENIZER.eosTokenId,
};

/** Every second layer, or all but every `n`th, has a window. */
const layerTypes = (n: number) =>
  Array.from({ length: NUM_LAYERS }, (_, i) => (i + 1) % n === 0 ? "full_attention" : "sliding_attention");

/** Fields of each architecture, by name. */
export const TINY_ARCHITECTURES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  LlamaForCausalLM: {},
  MistralForCausalLM: { "sliding_window": WINDOW },
  Qwen2ForCausalLM: { "use_sliding_window": true, "sliding_window": WINDOW, "max_window_layers": 2 },
  Qwen3ForCausalLM: { "tie_word_embeddings": true },
  Qwen3MoeForCausalLM: {
    "num_experts": 6,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 64,
    "norm_topk_prob": true,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
  },
  MixtralForCausalLM: { "num_local_experts": 4, "num_experts_per_tok": 2 },
  Gemma2ForCausalLM: {
    "hidden_activation": "gelu_pytorch_tanh",
    "query_pre_attn_scalar": 24,
    "attn_logit_softcapping": 5,
    "final_logit_softcapping": 6,
    "sliding_window": WINDOW,
    "layer_types": layerTypes(2),
    "tie_word_embeddings": true,
  },
  Gemma3ForCausalLM: {
    "hidden_activation": "gelu_pytorch_tanh",
    "query_pre_attn_scalar": 24,
    "sliding_window": WINDOW,
    "layer_types": layerTypes(3),
    "rope_theta": 1000000,
    "rope_local_base_freq": 10000,
    "tie_word_embeddings": true,
  },
  Gemma3ForConditionalGeneration: {
    "text_config": {
      ...SHARED,
      "hidden_activation": "gelu_pytorch_tanh",
      "query_pre_attn_scalar": 24,
      "sliding_window": WINDOW,
      "layer_types": layerTypes(3),
      "rope_local_base_freq": 10000,
      "tie_word_embeddings": true,
    },
  },
  Phi3ForCausalLM: { "partial_rotary_factor": 0.5, "sliding_window": WINDOW },
  SmolLM3ForCausalLM: {
    "no_rope_layers": Array.from({ length: NUM_LAYERS }, (_, i) => Number((i + 1) % 3 !== 0)),
  },
  GraniteForCausalLM: {
    "embedding_multiplier": 3,
    "attention_multiplier": 0.125,
    "residual_multiplier": 0.5,
    "logits_scaling": 2,
  },
  Olmo2ForCausalLM: {},
  MiMoForCausalLM: {},
};

/** What to write. */
export interface TinyArchitectureOptions {
  /** A key of {@linkcode TINY_ARCHITECTURES}. */
  readonly name: string;
  readonly seed: number;
  /** Tensors that lie beside the model's, as those of its own draft head. */
  readonly beside?: readonly SafetensorsData[];
}

/** Writes a model folder in float32. */
export async function writeTinyArchitecture(
  folder: string,
  { name, seed, beside = [] }: TinyArchitectureOptions,
): Promise<void> {
  const architecture = architectureOf({ architecture: name });
  const fields = {
    architectures: [name],
    "model_type": architecture.modelType,
    ...SHARED,
    ...TINY_ARCHITECTURES[name],
  };
  const random = seededRandom(seed);
  const config = architecture.readConfig("config.json", fields), { embedding, lmHead } = architecture.tensors;
  const tensors = [...modelTensors(architecture, config)].filter(({ isRequired }) => isRequired).map(
    ({ name, shape }): SafetensorsData => {
      const isVector = shape.length === 1, isBias = name.endsWith("bias");
      const gain = name === embedding || name === lmHead ? 2 : 1;
      const std = isBias ? 0.3 : isVector ? 0.1 : gain / Math.sqrt(shape[1]!);
      const mean = isVector && !isBias ? 1 : 0;
      const values = Float64Array.from(
        { length: shape.reduce((product, size) => product * size, 1) },
        () => mean + std * normal(random),
      );
      return { name, shape, dtype: "F32", bytes: encodeFloatRow("F32", values) };
    },
  );
  await Deno.mkdir(folder, { recursive: true });
  const json = (name: string, value: unknown) =>
    Deno.writeTextFile(join(folder, name), JSON.stringify(value));
  await json("config.json", fields);
  await json("tokenizer.json", TINY_TOKENIZER.json);
  await json("tokenizer_config.json", TINY_TOKENIZER.config);
  await Deno.writeFile(join(folder, "model.safetensors"), safetensorsBytes([...tensors, ...beside]));
}
