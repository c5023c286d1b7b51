/**
 * Qwen2 and Qwen2.5 (Qwen Team 2024): Llama with biases of query, key and value, and perhaps windows in the upper layers.
 *
 * @module
 */
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings } from "./config_json.ts";
import { DECODER_LAYER } from "./decoder_layer.ts";
import { decoderTensors, qkvBiases } from "./decoder_tensors.ts";
import { QWEN_WINDOW_FIELDS, readQwenLayers } from "./qwen_windows.ts";
import { ggufNames } from "./gguf_keys.ts";

/** What transformers' Qwen2Config takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 151936,
  "hidden_size": 4096,
  "intermediate_size": 22016,
  "num_hidden_layers": 32,
  "num_attention_heads": 32,
  "num_key_value_heads": 32,
  "max_position_embeddings": 32768,
  "rms_norm_eps": 1e-6,
};

const FIELDS = DECODER_FIELDS.extend(QWEN_WINDOW_FIELDS);

/** The descriptor. */
export const QWEN2: Architecture = {
  name: "Qwen2ForCausalLM",
  modelType: "qwen2",
  readConfig(path, json) {
    const fields = checkFields(path, { ...DEFAULTS, ...json }, FIELDS);
    requireSettings(path, fields, { "hidden_act": "silu" });
    return { ...networkConfig(path, fields), ...readQwenLayers(path, fields) };
  },
  tensors: decoderTensors([...DECODER_LAYER, ...qkvBiases()]),
  gguf: ggufNames("qwen2"),
};
