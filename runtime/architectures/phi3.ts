/**
 * Phi-3 and Phi-4-mini (Abdin et al. 2024): Llama with fused projections, perhaps rotary positions in a part of each head.
 *
 * @module
 */
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings } from "./config_json.ts";
import { INPUT_NORM, OUTPUT_PROJECTIONS } from "./decoder_layer.ts";
import { decoderTensors, streamNorm } from "./decoder_tensors.ts";
import { readUniformLayers, WINDOW_FIELDS } from "./layer_windows.ts";
import type { RopeDefaults } from "./rope_json.ts";
import { ggufNames } from "./gguf_keys.ts";
import { readGgufWindows } from "./gguf_windows.ts";

/** What transformers' Phi3Config takes where config.json says nothing. */
const DEFAULTS = {
  "vocab_size": 32064,
  "hidden_size": 3072,
  "intermediate_size": 8192,
  "num_hidden_layers": 32,
  "num_attention_heads": 32,
  "max_position_embeddings": 4096,
  "rms_norm_eps": 1e-5,
};

/** Older checkpoints call LongRoPE otherwise. */
const ROPE: RopeDefaults = {
  mayBePartial: true,
  originalMaxPositionEmbeddings: 4096,
  aliases: { su: "longrope", yarn: "longrope" },
};

const FIELDS = DECODER_FIELDS.extend({ "sliding_window": WINDOW_FIELDS.sliding_window });

/** The descriptor. */
export const PHI3: Architecture = {
  name: "Phi3ForCausalLM",
  modelType: "phi3",
  readConfig(path, json) {
    const fields = checkFields(path, { ...DEFAULTS, ...json }, FIELDS);
    requireSettings(path, fields, { "hidden_act": "silu" });
    return { ...networkConfig(path, fields, ROPE), ...readUniformLayers(path, fields) };
  },
  tensors: decoderTensors([
    INPUT_NORM,
    {
      name: "self_attn.qkv_proj.weight",
      ggufName: "attn_qkv.weight",
      shape: ({ queryWidth, kvWidth, hiddenSize }) => [queryWidth + 2 * kvWidth, hiddenSize],
    },
    streamNorm("post_attention_layernorm", "ffn_norm"),
    {
      name: "mlp.gate_up_proj.weight",
      ggufName: "ffn_up.weight",
      shape: ({ hiddenSize, intermediateSize }) => [2 * intermediateSize, hiddenSize],
    },
    ...OUTPUT_PROJECTIONS,
  ]),
  gguf: ggufNames("phi3", {
    hasWindows: true,
    more: readGgufWindows,
  }),
};
