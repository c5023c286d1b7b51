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
import { decoderConfig, refuseMoreThanOne } from "./gguf_keys.ts";

const GGUF_NAME = "llama";

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
  gguf: {
    architecture: GGUF_NAME,
    readConfig(metadata) {
      refuseMoreThanOne(metadata, `${GGUF_NAME}.expert_count`);
      return decoderConfig(metadata, GGUF_NAME);
    },
    interleaved: [
      "self_attn.q_proj.weight",
      "self_attn.k_proj.weight",
      "self_attn.q_proj.bias",
      "self_attn.k_proj.bias",
    ],
  },
  draftTree: { numSteps: 5, topk: 4, numDraftTokens: 8 },
};
