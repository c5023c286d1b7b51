/**
 * Mistral (Jiang et al. 2023): Llama with a window in all layers, or without one.
 *
 * @module
 */
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings } from "./config_json.ts";
import { DECODER_LAYER } from "./decoder_layer.ts";
import { decoderTensors } from "./decoder_tensors.ts";
import { readUniformLayers, WINDOW_FIELDS } from "./layer_windows.ts";
import { ggufNames, INTERLEAVED_WEIGHTS } from "./gguf_keys.ts";
import { readGgufWindows } from "./gguf_windows.ts";

/** What transformers' MistralConfig takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 32000,
  "hidden_size": 4096,
  "intermediate_size": 14336,
  "num_hidden_layers": 32,
  "num_attention_heads": 32,
  "num_key_value_heads": 8,
  "max_position_embeddings": 131072,
  "rms_norm_eps": 1e-6,
  "sliding_window": 4096,
};

const FIELDS = DECODER_FIELDS.extend({ "sliding_window": WINDOW_FIELDS.sliding_window });

/** The descriptor. */
export const MISTRAL: Architecture = {
  name: "MistralForCausalLM",
  modelType: "mistral",
  readConfig(path, json) {
    const fields = checkFields(path, { ...DEFAULTS, ...json }, FIELDS);
    requireSettings(path, fields, { "hidden_act": "silu" });
    return { ...networkConfig(path, fields), ...readUniformLayers(path, fields) };
  },
  tensors: decoderTensors(DECODER_LAYER),
  gguf: ggufNames("mistral", {
    interleaved: INTERLEAVED_WEIGHTS,
    hasWindows: true,
    more: readGgufWindows,
  }),
};
