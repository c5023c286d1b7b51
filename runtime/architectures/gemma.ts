/**
 * What Gemma 2 and 3 have in common: a layer with four norms, whose numbers are stored without the 1 that they add.
 *
 * @module
 */
import { z } from "zod";
import type { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import { DECODER_FIELDS, requireSettings } from "./config_json.ts";
import { INPUT_NORM, PROJECTIONS } from "./decoder_layer.ts";
import { ATTENTION_BIASES, streamNorm } from "./decoder_tensors.ts";
import { WINDOW_FIELDS } from "./layer_windows.ts";
import type { GgufConfig } from "./network_config.ts";
import type { TensorSpec } from "./tensor_table.ts";

/** Norms multiply by 1 + weight in safetensors; converters to GGUF have added the 1. */
export const GEMMA_NORMS = { addend: 1 } as const;

/** The layer of both. */
export const GEMMA_LAYER: readonly TensorSpec[] = [
  { ...INPUT_NORM, ...GEMMA_NORMS },
  ...PROJECTIONS,
  ...ATTENTION_BIASES,
  streamNorm("post_attention_layernorm", "post_attention_norm", GEMMA_NORMS),
  streamNorm("pre_feedforward_layernorm", "ffn_norm", GEMMA_NORMS),
  streamNorm("post_feedforward_layernorm", "post_ffw_norm", GEMMA_NORMS),
];

/** A cap, or none. */
const CAP = z.number().positive().nullish();

/** The fields of both. */
export const GEMMA_FIELDS = DECODER_FIELDS.extend({
  ...WINDOW_FIELDS,
  "hidden_activation": z.string().default("gelu_pytorch_tanh"),
  "query_pre_attn_scalar": z.number().positive().default(256),
  "attn_logit_softcapping": CAP,
  "final_logit_softcapping": CAP,
  "use_bidirectional_attention": z.boolean().nullish(),
});

/** What both have in their configuration. */
export interface GemmaConfig {
  readonly embeddingScale: number;
  readonly attentionScale: number;
  readonly logitSoftCap?: number;
}

/**
 * The multipliers and caps of both.
 *
 * @throws {LoadError} naming a setting that is not supported
 */
export function readGemmaScales(path: string, fields: z.infer<typeof GEMMA_FIELDS>): GemmaConfig {
  requireSettings(path, {
    ...fields,
    "use_bidirectional_attention": fields.use_bidirectional_attention ?? false,
  }, {
    "hidden_activation": "gelu_pytorch_tanh",
    "use_bidirectional_attention": false,
  });
  const cap = fields.final_logit_softcapping;
  return {
    embeddingScale: Math.sqrt(fields.hidden_size),
    attentionScale: 1 / Math.sqrt(fields.query_pre_attn_scalar),
    ...(typeof cap === "number" && { logitSoftCap: cap }),
  };
}

/** What a GGUF file leaves open. */
interface GgufGemma {
  /** Layers of the size whose attention is scaled by another width than its heads'. */
  readonly largest: number;
  /** The cap where no key states one; absent: none. */
  readonly logitSoftCap?: number;
}

/** The multipliers and caps of both in GGUF files, which llama.cpp knows by the model's size. */
export function ggufGemmaScales(
  metadata: GgufMetadata,
  key: (name: string) => string,
  { hiddenSize, numHeads, headDim, numLayers, attentionScale }: GgufConfig,
  { largest, logitSoftCap = 0 }: GgufGemma,
): GemmaConfig {
  const width = numLayers === largest ? Math.floor(hiddenSize / numHeads) : headDim;
  // 0 stands for "not set".
  const cap = metadata.number(key("final_logit_softcapping")) ?? logitSoftCap;
  return {
    embeddingScale: Math.sqrt(hiddenSize),
    attentionScale: attentionScale ?? 1 / Math.sqrt(width),
    ...(cap !== 0 && { logitSoftCap: cap }),
  };
}
