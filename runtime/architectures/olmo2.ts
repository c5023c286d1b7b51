/**
 * OLMo 2 (Walsh et al. 2025): norms behind attention and MLP instead of in front, and over all queries and all keys.
 *
 * @module
 */
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings } from "./config_json.ts";
import { PROJECTIONS } from "./decoder_layer.ts";
import { ATTENTION_BIASES, decoderTensors, streamNorm } from "./decoder_tensors.ts";
import { ggufNames } from "./gguf_keys.ts";

/** What transformers' Olmo2Config takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 50304,
  "hidden_size": 4096,
  "intermediate_size": 11008,
  "num_hidden_layers": 32,
  "num_attention_heads": 32,
  "max_position_embeddings": 2048,
  "rms_norm_eps": 1e-5,
};

/** The descriptor. */
export const OLMO2: Architecture = {
  name: "Olmo2ForCausalLM",
  modelType: "olmo2",
  readConfig(path, json) {
    const fields = checkFields(path, { ...DEFAULTS, ...json }, DECODER_FIELDS);
    requireSettings(path, fields, { "hidden_act": "silu" });
    return networkConfig(path, fields);
  },
  tensors: decoderTensors([
    ...PROJECTIONS,
    {
      name: "self_attn.q_norm.weight",
      ggufName: "attn_q_norm.weight",
      shape: ({ queryWidth }) => [queryWidth],
    },
    { name: "self_attn.k_norm.weight", ggufName: "attn_k_norm.weight", shape: ({ kvWidth }) => [kvWidth] },
    streamNorm("post_attention_layernorm", "post_attention_norm"),
    streamNorm("post_feedforward_layernorm", "post_ffw_norm"),
    ...ATTENTION_BIASES,
  ]),
  gguf: ggufNames("olmo2"),
};
