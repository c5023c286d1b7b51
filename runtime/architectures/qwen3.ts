/**
 * Qwen3 (Qwen Team 2025): Llama with a norm over each head of query and key.
 *
 * @module
 */
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings } from "./config_json.ts";
import { DECODER_LAYER } from "./decoder_layer.ts";
import { ATTENTION_BIASES, decoderTensors, headNorms } from "./decoder_tensors.ts";
import { QWEN_WINDOW_FIELDS, readQwenLayers } from "./qwen_windows.ts";
import { ggufNames } from "./gguf_keys.ts";

/** What transformers' Qwen3Config takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 151936,
  "hidden_size": 4096,
  "intermediate_size": 22016,
  "num_hidden_layers": 32,
  "num_attention_heads": 32,
  "num_key_value_heads": 32,
  "head_dim": 128,
  "max_position_embeddings": 32768,
  "rms_norm_eps": 1e-6,
};

const FIELDS = DECODER_FIELDS.extend(QWEN_WINDOW_FIELDS);

/** The descriptor. */
export const QWEN3: Architecture = {
  name: "Qwen3ForCausalLM",
  modelType: "qwen3",
  readConfig(path, json) {
    const fields = checkFields(path, { ...DEFAULTS, ...json }, FIELDS);
    requireSettings(path, fields, { "hidden_act": "silu" });
    return { ...networkConfig(path, fields), ...readQwenLayers(path, fields) };
  },
  tensors: decoderTensors([...DECODER_LAYER, ...headNorms(), ...ATTENTION_BIASES]),
  gguf: ggufNames("qwen3"),
};
