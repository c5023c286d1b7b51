/**
 * Qwen3 with experts (Qwen Team 2025): Qwen3 whose layers, or some of them, have a mixture of experts.
 *
 * @module
 */
import { z } from "zod";
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings, SIZE } from "./config_json.ts";
import { ATTENTION_BIASES, decoderTensors, headNorms } from "./decoder_tensors.ts";
import { expertLayer, ggufExperts } from "./expert_tensors.ts";
import { ggufNames } from "./gguf_keys.ts";
import { readUniformLayers, WINDOW_FIELDS } from "./layer_windows.ts";

/** What transformers' Qwen3MoeConfig takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 151936,
  "hidden_size": 2048,
  "intermediate_size": 6144,
  "num_hidden_layers": 24,
  "num_attention_heads": 32,
  "num_key_value_heads": 4,
  "max_position_embeddings": 32768,
  "rms_norm_eps": 1e-6,
};

const FIELDS = DECODER_FIELDS.extend({
  "use_sliding_window": z.boolean().default(false),
  "sliding_window": WINDOW_FIELDS.sliding_window.default(4096),
  "moe_intermediate_size": SIZE.default(768),
  "num_experts": SIZE.nullish(),
  "num_local_experts": SIZE.nullish(),
  "num_experts_per_tok": SIZE.default(8),
  "norm_topk_prob": z.boolean().default(false),
  "decoder_sparse_step": SIZE.default(1),
  "mlp_only_layers": z.array(z.int().nonnegative()).nullish(),
});

/** The descriptor. */
export const QWEN3_MOE: Architecture = {
  name: "Qwen3MoeForCausalLM",
  modelType: "qwen3_moe",
  readConfig(path, json) {
    const fields = checkFields(path, { ...DEFAULTS, ...json }, FIELDS);
    requireSettings(path, fields, { "hidden_act": "silu" });
    const window = fields.use_sliding_window ? fields.sliding_window : null;
    const layers = readUniformLayers(path, { ...fields, "sliding_window": window });
    const { mlp_only_layers: dense, decoder_sparse_step: step } = fields;
    const numbers = Array.from({ length: fields.num_hidden_layers }, (_, layer) => layer);
    return {
      ...networkConfig(path, fields),
      ...layers,
      experts: {
        count: fields.num_experts ?? fields.num_local_experts ?? 128,
        perRow: fields.num_experts_per_tok,
        intermediateSize: fields.moe_intermediate_size,
        normalise: fields.norm_topk_prob,
        denseLayers: numbers.filter((layer) => dense?.includes(layer) || (layer + 1) % step !== 0),
      },
    };
  },
  tensors: decoderTensors([
    ...expertLayer("mlp", { gate: "gate_proj", up: "up_proj", down: "down_proj" }),
    ...headNorms(),
    ...ATTENTION_BIASES,
  ]),
  gguf: ggufNames("qwen3moe", {
    hasExperts: true,
    more: (metadata) => ({ experts: ggufExperts(metadata, "qwen3moe", "expert_feed_forward_length") }),
  }),
};
