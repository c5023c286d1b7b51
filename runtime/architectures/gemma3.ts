/**
 * Gemma 3 (Gemma Team 2025), its text models and the text part of the others: norms of query and key, windows in five of
 * six layers, which have rotary positions of their own.
 *
 * @module
 */
import { z } from "zod";
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { networkConfig } from "./config_json.ts";
import { decoderTensors, headNorms } from "./decoder_tensors.ts";
import { GEMMA_FIELDS, GEMMA_LAYER, GEMMA_NORMS, ggufGemmaScales, readGemmaScales } from "./gemma.ts";
import { ggufNames } from "./gguf_keys.ts";
import { readGgufWindows } from "./gguf_windows.ts";
import { readLayers } from "./layer_windows.ts";
import type { NetworkConfig } from "./network_config.ts";
import { readLayerRopes } from "./rope_json.ts";

/** What transformers' Gemma3TextConfig takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 262208,
  "hidden_size": 2304,
  "intermediate_size": 9216,
  "num_hidden_layers": 26,
  "num_attention_heads": 8,
  "num_key_value_heads": 4,
  "head_dim": 256,
  "max_position_embeddings": 131072,
  "rms_norm_eps": 1e-6,
  "tie_word_embeddings": true,
  "sliding_window": 4096,
};

const FIELDS = GEMMA_FIELDS.extend({ "sliding_window_pattern": z.int().positive().default(6) });

const TENSORS = decoderTensors([...GEMMA_LAYER, ...headNorms(GEMMA_NORMS)], GEMMA_NORMS);

function readConfig(path: string, json: Readonly<Record<string, unknown>>): NetworkConfig {
  const fields = checkFields(path, { ...DEFAULTS, ...json }, FIELDS), pattern = fields.sliding_window_pattern;
  // Rotary positions come by kind of layer.
  const { rope_parameters: _, rope_scaling: __, ...plain } = fields;
  const { headDim, maxPositionEmbeddings, ...network } = networkConfig(path, plain);
  const ropes = readLayerRopes(path, fields, {
    headDim,
    maxPositionEmbeddings,
    defaultTheta: 1_000_000,
    defaultLocalTheta: 10_000,
  });
  return {
    ...network,
    headDim,
    maxPositionEmbeddings,
    ...readGemmaScales(path, fields),
    rope: ropes.global,
    localRope: ropes.local,
    ...readLayers(path, fields, {
      slides: (layer) => (layer + 1) % pattern !== 0,
      ropeOf: (_, slides) => slides ? "local" : "global",
    }),
  };
}

/** The descriptor of the text models. */
export const GEMMA3: Architecture = {
  name: "Gemma3ForCausalLM",
  modelType: "gemma3_text",
  readConfig,
  tensors: TENSORS,
  gguf: ggufNames("gemma3", {
    hasWindows: true,
    hasLocalRope: true,
    more(metadata, key, config) {
      const windows = readGgufWindows(metadata, key, { ...config, interval: 6, slidingRope: "local" });
      const theta = metadata.number(key("rope.freq_base_swa")) ?? 10_000;
      return {
        ...ggufGemmaScales(metadata, key, config, { largest: 62 }),
        ...windows,
        ...(windows.layers && { localRope: { theta, rotaryDim: config.rope.rotaryDim } }),
      };
    },
  }),
};

/** The descriptor of the models that see images, too: their text part. */
export const GEMMA3_MULTIMODAL: Architecture = {
  name: "Gemma3ForConditionalGeneration",
  modelType: "gemma3",
  readConfig(path, json) {
    const { text_config: text } = checkFields(
      path,
      json,
      z.looseObject({ "text_config": z.looseObject({}) }),
    );
    return readConfig(path, { "tie_word_embeddings": json["tie_word_embeddings"] ?? true, ...text });
  },
  tensors: TENSORS,
  namePrefixes: [["language_model.", ""], ["model.language_model.", "model."]],
};
