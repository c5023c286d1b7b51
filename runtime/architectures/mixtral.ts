/**
 * Mixtral (Jiang et al. 2024): Mistral whose layers have a mixture of experts.
 *
 * @module
 */
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings, SIZE } from "./config_json.ts";
import { decoderTensors } from "./decoder_tensors.ts";
import { expertLayer, ggufExperts } from "./expert_tensors.ts";
import { ggufNames, INTERLEAVED_WEIGHTS } from "./gguf_keys.ts";
import { readUniformLayers, WINDOW_FIELDS } from "./layer_windows.ts";

/** What transformers' MixtralConfig takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 32000,
  "hidden_size": 4096,
  "intermediate_size": 14336,
  "num_hidden_layers": 32,
  "num_attention_heads": 32,
  "num_key_value_heads": 8,
  "max_position_embeddings": 131072,
  "rms_norm_eps": 1e-5,
  "rope_theta": 1e6,
};

const FIELDS = DECODER_FIELDS.extend({
  "sliding_window": WINDOW_FIELDS.sliding_window,
  "num_local_experts": SIZE.default(8),
  "num_experts_per_tok": SIZE.default(2),
});

/** The descriptor. */
export const MIXTRAL: Architecture = {
  name: "MixtralForCausalLM",
  modelType: "mixtral",
  readConfig(path, json) {
    const fields = checkFields(path, { ...DEFAULTS, ...json }, FIELDS);
    requireSettings(path, fields, { "hidden_act": "silu" });
    return {
      ...networkConfig(path, fields),
      ...readUniformLayers(path, fields),
      experts: {
        count: fields.num_local_experts,
        perRow: fields.num_experts_per_tok,
        intermediateSize: fields.intermediate_size,
        normalise: true,
        denseLayers: [],
      },
    };
  },
  tensors: decoderTensors(expertLayer("block_sparse_moe", { gate: "w1", up: "w3", down: "w2" })),
  // llama.cpp's converter writes it as Llama with experts.
  gguf: ggufNames("llama", {
    interleaved: INTERLEAVED_WEIGHTS,
    hasExperts: true,
    more: (metadata) => ({ experts: ggufExperts(metadata, "llama", "feed_forward_length") }),
  }),
};
