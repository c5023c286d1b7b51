/**
 * Llama (Touvron et al. 2023), and what has its form: SmolLM2, TinyLlama.
 *
 * @module
 */
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings } from "./config_json.ts";
import { DECODER_LAYER } from "./decoder_layer.ts";
import { ATTENTION_BIASES, decoderTensors, MLP_BIASES } from "./decoder_tensors.ts";
import { ggufNames, INTERLEAVED } from "./gguf_keys.ts";

/** What transformers' LlamaConfig takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 32000,
  "hidden_size": 4096,
  "intermediate_size": 11008,
  "num_hidden_layers": 32,
  "num_attention_heads": 32,
  "max_position_embeddings": 2048,
  "rms_norm_eps": 1e-6,
};

/** The descriptor. */
export const LLAMA: Architecture = {
  name: "LlamaForCausalLM",
  modelType: "llama",
  readConfig(path, json) {
    const fields = checkFields(path, { ...DEFAULTS, ...json }, DECODER_FIELDS);
    requireSettings(path, fields, { "hidden_act": "silu" });
    return networkConfig(path, fields);
  },
  tensors: decoderTensors([...DECODER_LAYER, ...ATTENTION_BIASES, ...MLP_BIASES]),
  gguf: ggufNames("llama", { interleaved: INTERLEAVED }),
  draftTree: { numSteps: 5, topk: 4, numDraftTokens: 8 },
};
