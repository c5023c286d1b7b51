/**
 * SmolLM3 (Hugging Face 2025): Llama whose every fourth layer has no rotary positions (NoPE).
 *
 * @module
 */
import { z } from "zod";
import type { LayerConfig } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings } from "./config_json.ts";
import { DECODER_LAYER } from "./decoder_layer.ts";
import { ATTENTION_BIASES, decoderTensors, MLP_BIASES } from "./decoder_tensors.ts";
import { readLayers, WINDOW_FIELDS } from "./layer_windows.ts";
import { ggufNames, INTERLEAVED } from "./gguf_keys.ts";

/** What transformers' SmolLM3Config takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 128256,
  "hidden_size": 2048,
  "intermediate_size": 11008,
  "num_hidden_layers": 36,
  "num_attention_heads": 16,
  "num_key_value_heads": 4,
  "max_position_embeddings": 32768,
  "rms_norm_eps": 1e-6,
  "tie_word_embeddings": true,
};

const FIELDS = DECODER_FIELDS.extend({
  ...WINDOW_FIELDS,
  "use_sliding_window": z.boolean().default(false),
  /** 1 or true: the layer has rotary positions, whatever the name says. */
  "no_rope_layers": z.array(z.union([z.boolean(), z.int()])).nullish(),
  "no_rope_layer_interval": z.int().positive().default(4),
});

/** Every fourth layer has no rotary positions, as in all files that llama.cpp knows. */
function ggufLayers(numLayers: number): readonly LayerConfig[] {
  return Array.from(
    { length: numLayers },
    (_, layer) => ({ rope: (layer + 1) % 4 === 0 ? "none" : "global" }),
  );
}

/** The descriptor. */
export const SMOLLM3: Architecture = {
  name: "SmolLM3ForCausalLM",
  modelType: "smollm3",
  readConfig(path, json) {
    const fields = checkFields(path, { ...DEFAULTS, ...json }, FIELDS);
    requireSettings(path, fields, { "hidden_act": "silu" });
    const { no_rope_layers: stated, no_rope_layer_interval: interval, num_hidden_layers: numLayers } = fields;
    if (stated && stated.length < numLayers) {
      throw new LoadError(
        `Cannot load ${path}: no_rope_layers has ${stated.length} entries, expected ${numLayers}`,
      );
    }
    const hasRope = (layer: number) => stated ? Boolean(stated[layer]) : (layer + 1) % interval !== 0;
    const window = fields.use_sliding_window ? fields.sliding_window : null;
    return {
      ...networkConfig(path, fields, { defaultTheta: 2_000_000 }),
      ...readLayers(path, fields, {
        slides: (layer) => typeof window === "number" && !hasRope(layer),
        ropeOf: (layer) => hasRope(layer) ? "global" : "none",
      }),
    };
  },
  tensors: decoderTensors([...DECODER_LAYER, ...ATTENTION_BIASES, ...MLP_BIASES]),
  gguf: ggufNames("smollm3", {
    interleaved: INTERLEAVED,
    more: (_, __, { numLayers }) => ({ layers: ggufLayers(numLayers) }),
  }),
};
