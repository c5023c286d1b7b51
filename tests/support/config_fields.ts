/**
 * What each field of transformers' configuration classes is here: read, of one value only, or without influence.
 *
 * @module
 */

/** The configuration class of each architecture. */
export const CONFIG_CLASSES: Readonly<Record<string, string>> = {
  LlamaForCausalLM: "LlamaConfig",
  MistralForCausalLM: "MistralConfig",
  Qwen2ForCausalLM: "Qwen2Config",
  Qwen3ForCausalLM: "Qwen3Config",
  Gemma2ForCausalLM: "Gemma2Config",
  Gemma3ForCausalLM: "Gemma3TextConfig",
  Phi3ForCausalLM: "Phi3Config",
  SmolLM3ForCausalLM: "SmolLM3Config",
  GraniteForCausalLM: "GraniteConfig",
  Olmo2ForCausalLM: "Olmo2Config",
};

/** A value of a field that makes a difference, beside such other fields. */
export interface UsedField {
  readonly value: unknown;
  readonly beside?: Readonly<Record<string, unknown>>;
}

const LONG_ROPE = {
  "hidden_size": 64,
  "num_attention_heads": 4,
  "rope_scaling": { type: "longrope", "short_factor": Array(8).fill(1), "long_factor": Array(8).fill(2) },
};
const WINDOW = { "use_sliding_window": true, "sliding_window": 50 };
const LAYERS = { ...WINDOW, "num_hidden_layers": 2 };

/** Fields that are read, those of one class that are otherwise there with its name. */
export const USED_FIELDS: Readonly<Record<string, UsedField>> = {
  "vocab_size": { value: 999 },
  "hidden_size": { value: 960 },
  "intermediate_size": { value: 777 },
  "num_hidden_layers": { value: 13 },
  "num_attention_heads": { value: 2 },
  "num_key_value_heads": { value: 1 },
  "head_dim": { value: 48 },
  "max_position_embeddings": { value: 999 },
  "original_max_position_embeddings": { value: 77, beside: LONG_ROPE },
  "rms_norm_eps": { value: 0.5 },
  "rope_parameters": { value: { "rope_type": "linear", factor: 3 } },
  "Gemma3TextConfig.rope_parameters": { value: { "full_attention": { "rope_type": "linear", factor: 3 } } },
  "attention_bias": { value: true },
  "mlp_bias": { value: true },
  "sliding_window": { value: 77, beside: { "use_sliding_window": true } },
  "use_sliding_window": { value: true, beside: { "sliding_window": 50 } },
  "max_window_layers": { value: 3, beside: WINDOW },
  "layer_types": { value: ["full_attention", "sliding_attention"], beside: LAYERS },
  "no_rope_layers": { value: Array(36).fill(1) },
  "no_rope_layer_interval": { value: 3 },
  "query_pre_attn_scalar": { value: 9 },
  "attn_logit_softcapping": { value: 3 },
  "final_logit_softcapping": { value: 3 },
  "embedding_multiplier": { value: 3 },
  "attention_multiplier": { value: 3 },
  "residual_multiplier": { value: 3 },
  "logits_scaling": { value: 3 },
};

/** Values that are refused: of these fields only what transformers takes by default is computed. */
export const REFUSED_VALUES: Readonly<Record<string, unknown>> = {
  "hidden_act": "gelu",
  "hidden_activation": "silu",
  "use_bidirectional_attention": true,
};

/** Fields read for all architectures alike, in `runtime/weights/huggingface_config.ts`. */
const TOKENS = ["eos_token_id", "architectures"];

/** Fields of training, of generation, of other heads and of transformers itself. */
export const IRRELEVANT_FIELDS: ReadonlySet<string> = new Set([
  ...TOKENS,
  "_name_or_path",
  "attention_dropout",
  "bos_token_id",
  "chunk_size_feed_forward",
  "dtype",
  "embd_pdrop",
  "id2label",
  "initializer_range",
  "is_encoder_decoder",
  "label2id",
  "model_type",
  "output_attentions",
  "output_hidden_states",
  "pad_token_id",
  "pretraining_tp",
  "problem_type",
  "resid_pdrop",
  "return_dict",
  "transformers_version",
  "use_cache",
  // Read as sliding_window_pattern, as the hub's files have it.
  "_sliding_window_pattern",
]);

/** Fields of one class that transformers' forward does not look at. */
export const UNUSED_IN: Readonly<Record<string, readonly string[]>> = {
  Gemma3TextConfig: ["attn_logit_softcapping"],
};
