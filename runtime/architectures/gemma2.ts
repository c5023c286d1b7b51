/**
 * Gemma 2 (Gemma Team 2024): windows in every other layer, caps of attention's scores and of the logits.
 *
 * @module
 */
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { networkConfig } from "./config_json.ts";
import { decoderTensors } from "./decoder_tensors.ts";
import { GEMMA_FIELDS, GEMMA_LAYER, GEMMA_NORMS, ggufGemmaScales, readGemmaScales } from "./gemma.ts";
import { readLayers } from "./layer_windows.ts";
import { ggufNames } from "./gguf_keys.ts";
import { readGgufWindows } from "./gguf_windows.ts";

/** What transformers' Gemma2Config takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 256000,
  "hidden_size": 2304,
  "intermediate_size": 9216,
  "num_hidden_layers": 26,
  "num_attention_heads": 8,
  "num_key_value_heads": 4,
  "head_dim": 256,
  "max_position_embeddings": 8192,
  "rms_norm_eps": 1e-6,
  "tie_word_embeddings": true,
  "sliding_window": 4096,
  "final_logit_softcapping": 30,
  "attn_logit_softcapping": 50,
};

/** The descriptor. */
export const GEMMA2: Architecture = {
  name: "Gemma2ForCausalLM",
  modelType: "gemma2",
  readConfig(path, json) {
    const fields = checkFields(path, { ...DEFAULTS, ...json }, GEMMA_FIELDS),
      cap = fields.attn_logit_softcapping;
    return {
      ...networkConfig(path, fields),
      ...readGemmaScales(path, fields),
      ...(typeof cap === "number" && { attentionSoftCap: cap }),
      ...readLayers(path, fields, { slides: (layer) => layer % 2 === 0 }),
    };
  },
  tensors: decoderTensors(GEMMA_LAYER, GEMMA_NORMS),
  gguf: ggufNames("gemma2", {
    hasWindows: true,
    more(metadata, key, config) {
      // 0 stands for "not set".
      const cap = metadata.number(key("attn_logit_softcapping")) ?? 50;
      return {
        ...ggufGemmaScales(metadata, key, config, { largest: 46, logitSoftCap: 30 }),
        ...(cap !== 0 && { attentionSoftCap: cap }),
        ...readGgufWindows(metadata, key, { ...config, window: 4096, interval: 2 }),
      };
    },
  }),
};
