/**
 * Granite 3 (IBM 2024): Llama with multipliers of embeddings, attention, residual branches and logits.
 *
 * @module
 */
import { z } from "zod";
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings } from "./config_json.ts";
import { DECODER_LAYER } from "./decoder_layer.ts";
import { ATTENTION_BIASES, decoderTensors, MLP_BIASES } from "./decoder_tensors.ts";
import { ggufNames, INTERLEAVED } from "./gguf_keys.ts";

/** What transformers' GraniteConfig takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 32000,
  "hidden_size": 4096,
  "intermediate_size": 11008,
  "num_hidden_layers": 32,
  "num_attention_heads": 32,
  "max_position_embeddings": 2048,
  "rms_norm_eps": 1e-6,
};

const FACTOR = z.number().positive().default(1);

const FIELDS = DECODER_FIELDS.extend({
  "embedding_multiplier": FACTOR,
  "attention_multiplier": FACTOR,
  "residual_multiplier": FACTOR,
  "logits_scaling": FACTOR,
});

/** The descriptor. */
export const GRANITE: Architecture = {
  name: "GraniteForCausalLM",
  modelType: "granite",
  readConfig(path, json) {
    const fields = checkFields(path, { ...DEFAULTS, ...json }, FIELDS);
    requireSettings(path, fields, { "hidden_act": "silu" });
    return {
      ...networkConfig(path, fields),
      embeddingScale: fields.embedding_multiplier,
      attentionScale: fields.attention_multiplier,
      residualScale: fields.residual_multiplier,
      logitScale: 1 / fields.logits_scaling,
    };
  },
  tensors: decoderTensors([...DECODER_LAYER, ...ATTENTION_BIASES, ...MLP_BIASES]),
  gguf: ggufNames("granite", {
    interleaved: INTERLEAVED,
    more(metadata, key) {
      // Files of Granite say so if there are no rotary positions.
      if (metadata.boolean(key("rope.scaling.finetuned")) === false) {
        throw metadata.error(`${key("rope.scaling.finetuned")} is false, expected true`);
      }
      // 0 stands for "not set".
      const factor = (name: string) => metadata.number(key(name)) || 1;
      return {
        embeddingScale: factor("embedding_scale"),
        residualScale: factor("residual_scale"),
        logitScale: 1 / factor("logit_scale"),
      };
    },
  }),
};
