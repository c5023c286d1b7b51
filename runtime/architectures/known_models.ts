/**
 * Models that people know, by architecture: what `--list-models` names and docs/models.md counts memory for.
 *
 * @module
 */

/** A model on the hub. */
export interface KnownModel {
  /** As `architectures` in its config.json has it. */
  readonly architecture: string;
  /** Hub id, as `--model-path` takes it. */
  readonly id: string;
  /** Fields of its config.json that sizes follow from. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The models, from small to large within an architecture. */
export const KNOWN_MODELS: readonly KnownModel[] = [
  llama("HuggingFaceTB/SmolLM2-135M-Instruct", [576, 1536, 30, 9, 3, 49152], { "tie_word_embeddings": true }),
  llama("TinyLlama/TinyLlama-1.1B-Chat-v1.0", [2048, 5632, 22, 32, 4, 32000]),
  llama("meta-llama/Llama-3.2-1B-Instruct", [2048, 8192, 16, 32, 8, 128256], { "tie_word_embeddings": true }),
  llama("HuggingFaceTB/SmolLM2-1.7B-Instruct", [2048, 8192, 24, 32, 32, 49152], {
    "tie_word_embeddings": true,
  }),
  llama("meta-llama/Llama-2-7b-chat-hf", [4096, 11008, 32, 32, 32, 32000]),
  llama("meta-llama/Llama-3.1-8B-Instruct", [4096, 14336, 32, 32, 8, 128256]),
  model("Mistral", "mistralai/Mistral-7B-Instruct-v0.3", [4096, 14336, 32, 32, 8, 32768], {
    "sliding_window": null,
  }),
  model("Qwen2", "Qwen/Qwen2.5-0.5B-Instruct", [896, 4864, 24, 14, 2, 151936], {
    "tie_word_embeddings": true,
  }),
  model("Qwen2", "Qwen/Qwen2.5-7B-Instruct", [3584, 18944, 28, 28, 4, 152064]),
  model("Qwen3", "Qwen/Qwen3-0.6B", [1024, 3072, 28, 16, 8, 151936], {
    "head_dim": 128,
    "tie_word_embeddings": true,
  }),
  model("Qwen3", "Qwen/Qwen3-4B", [2560, 9728, 36, 32, 8, 151936], {
    "head_dim": 128,
    "tie_word_embeddings": true,
  }),
  model("Qwen3", "Qwen/Qwen3-8B", [4096, 12288, 36, 32, 8, 151936], { "head_dim": 128 }),
  model("Qwen3Moe", "Qwen/Qwen3-30B-A3B", [2048, 6144, 48, 32, 4, 151936], {
    "head_dim": 128,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 768,
    "norm_topk_prob": true,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
  }),
  model("Mixtral", "mistralai/Mixtral-8x7B-Instruct-v0.1", [4096, 14336, 32, 32, 8, 32000], {
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
    "sliding_window": null,
  }),
  gemma("Gemma2", "google/gemma-2-2b-it", [2304, 9216, 26, 8, 4, 256000], {
    "query_pre_attn_scalar": 256,
    "attn_logit_softcapping": 50,
    "final_logit_softcapping": 30,
    "sliding_window": 4096,
  }),
  gemma("Gemma2", "google/gemma-2-9b-it", [3584, 14336, 42, 16, 8, 256000], {
    "query_pre_attn_scalar": 256,
    "attn_logit_softcapping": 50,
    "final_logit_softcapping": 30,
    "sliding_window": 4096,
  }),
  gemma("Gemma3", "google/gemma-3-1b-it", [1152, 6912, 26, 4, 1, 262144], {
    "query_pre_attn_scalar": 256,
    "sliding_window": 512,
    "sliding_window_pattern": 6,
    "rope_local_base_freq": 10000,
  }),
  multimodal("google/gemma-3-4b-it", [2560, 10240, 34, 8, 4, 262208], {
    "query_pre_attn_scalar": 256,
    "sliding_window": 1024,
    "sliding_window_pattern": 6,
    "rope_local_base_freq": 10000,
  }),
  model("Phi3", "microsoft/Phi-3-mini-4k-instruct", [3072, 8192, 32, 32, 32, 32064], {
    "sliding_window": 2047,
  }),
  model("SmolLM3", "HuggingFaceTB/SmolLM3-3B", [2048, 11008, 36, 16, 4, 128256], {
    "tie_word_embeddings": true,
  }),
  granite("ibm-granite/granite-3.3-2b-instruct", [2048, 8192, 40, 32, 8, 49159]),
  granite("ibm-granite/granite-3.3-8b-instruct", [4096, 12800, 40, 32, 8, 49159]),
  model("Olmo2", "allenai/OLMo-2-0425-1B-Instruct", [2048, 8192, 16, 16, 16, 100352]),
  model("Olmo2", "allenai/OLMo-2-1124-7B-Instruct", [4096, 11008, 32, 32, 32, 100352]),
  model("MiMo", "XiaomiMiMo/MiMo-7B-RL", [4096, 11008, 36, 32, 8, 151680], { "head_dim": 128 }),
];

/** Width of the residual stream, of the MLP, layers, query heads, key and value heads, tokens. */
type Sizes = readonly [
  hidden: number,
  inner: number,
  layers: number,
  heads: number,
  kvHeads: number,
  vocab: number,
];

function model(
  family: string,
  id: string,
  [hidden, inner, layers, heads, kvHeads, vocab]: Sizes,
  own: Readonly<Record<string, unknown>> = {},
): KnownModel {
  const architecture = `${family}ForCausalLM`;
  const fields = {
    architectures: [architecture],
    "hidden_size": hidden,
    "intermediate_size": inner,
    "num_hidden_layers": layers,
    "num_attention_heads": heads,
    "num_key_value_heads": kvHeads,
    "vocab_size": vocab,
    "rms_norm_eps": 1e-6,
    ...own,
  };
  return { architecture, id, fields };
}

function llama(id: string, sizes: Sizes, own?: Readonly<Record<string, unknown>>): KnownModel {
  return model("Llama", id, sizes, own);
}

function gemma(family: string, id: string, sizes: Sizes, own: Readonly<Record<string, unknown>>): KnownModel {
  const activation = "gelu_pytorch_tanh";
  const all = { "head_dim": 256, "tie_word_embeddings": true, "hidden_activation": activation };
  return model(family, id, sizes, { ...all, ...own });
}

/** Gemma 3 with images, whose language model has a configuration of its own. */
function multimodal(id: string, sizes: Sizes, own: Readonly<Record<string, unknown>>): KnownModel {
  const architecture = "Gemma3ForConditionalGeneration";
  const { fields } = gemma("Gemma3", id, sizes, own);
  return { architecture, id, fields: { architectures: [architecture], "text_config": fields } };
}

function granite(id: string, sizes: Sizes): KnownModel {
  return model("Granite", id, sizes, {
    "tie_word_embeddings": true,
    "embedding_multiplier": 12,
    "attention_multiplier": 0.015625,
    "residual_multiplier": 0.22,
    "logits_scaling": 8,
  });
}
