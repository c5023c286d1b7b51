/**
 * Fields of config.json that decoders have in common. An architecture may extend {@linkcode DECODER_FIELDS} by its own,
 * and says with {@linkcode requireSettings} which of them must have the one value that its forward computes by.
 *
 * @module
 */
import { z } from "zod";
import type { RopeScaling } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import type { NetworkConfig } from "./network_config.ts";

/** A positive whole number. */
export const SIZE: z.ZodInt = z.int().positive();

const ROPE = z.looseObject({
  "rope_type": z.string().optional(),
  type: z.string().optional(),
  "rope_theta": z.number().positive().optional(),
  factor: z.number().positive().optional(),
  "low_freq_factor": z.number().positive().optional(),
  "high_freq_factor": z.number().positive().optional(),
  "original_max_position_embeddings": SIZE.optional(),
});

/** Sizes, rotary positions, the output matrix, and settings that a plain decoder layer has at their defaults. */
export const DECODER_FIELDS = z.looseObject({
  "hidden_size": SIZE,
  "intermediate_size": SIZE,
  "num_hidden_layers": SIZE,
  "num_attention_heads": SIZE,
  "num_key_value_heads": SIZE.nullish(),
  "head_dim": SIZE.nullish(),
  "vocab_size": SIZE,
  "rms_norm_eps": z.number().positive().default(1e-6),
  "rope_theta": z.number().positive().nullish(),
  // transformers 5 gathers what was rope_theta and rope_scaling in rope_parameters.
  "rope_parameters": ROPE.nullish(),
  "rope_scaling": ROPE.nullish(),
  "max_position_embeddings": SIZE.default(2048),
  "tie_word_embeddings": z.boolean().default(false),
  "hidden_act": z.string().default("silu"),
  "attention_bias": z.boolean().default(false),
  "mlp_bias": z.boolean().default(false),
  "partial_rotary_factor": z.number().default(1),
});

/** What {@linkcode DECODER_FIELDS} yields. */
export type DecoderFields = z.infer<typeof DECODER_FIELDS>;

/**
 * The configuration that the common fields state.
 *
 * @throws {LoadError} naming the field, if the kind of rotary scaling is unknown or lacks a number
 */
export function networkConfig(path: string, fields: DecoderFields): NetworkConfig {
  const numHeads = fields.num_attention_heads, scaling = ropeScaling(path, fields);
  const headDim = fields.head_dim ?? fields.hidden_size / numHeads;
  return {
    hiddenSize: fields.hidden_size,
    intermediateSize: fields.intermediate_size,
    numLayers: fields.num_hidden_layers,
    numHeads,
    numKvHeads: fields.num_key_value_heads ?? numHeads,
    headDim,
    vocabSize: fields.vocab_size,
    rmsNormEps: fields.rms_norm_eps,
    rope: {
      theta: fields.rope_parameters?.rope_theta ?? fields.rope_theta ?? 10000,
      rotaryDim: headDim,
      ...(scaling !== undefined && { scaling }),
    },
    maxPositionEmbeddings: fields.max_position_embeddings,
    tieWordEmbeddings: fields.tie_word_embeddings,
  };
}

function ropeScaling(path: string, fields: DecoderFields): RopeScaling | undefined {
  const rope = fields.rope_parameters ?? fields.rope_scaling;
  const type = rope?.rope_type ?? rope?.type ?? "default";
  if (rope === null || rope === undefined || type === "default") return undefined;
  const read = (field: string, value: number | undefined): number => {
    if (value === undefined) throw new LoadError(`Cannot load ${path}: rope_scaling.${field} is missing`);
    return value;
  };
  switch (type) {
    case "linear":
      return { type, factor: read("factor", rope.factor) };
    case "llama3":
      return {
        type,
        factor: read("factor", rope.factor),
        lowFreqFactor: read("low_freq_factor", rope.low_freq_factor),
        highFreqFactor: read("high_freq_factor", rope.high_freq_factor),
        originalMaxPositionEmbeddings: read(
          "original_max_position_embeddings",
          rope.original_max_position_embeddings,
        ),
      };
    default:
      throw new LoadError(`Cannot load ${path}: rope_scaling type is ${type}, expected llama3 or linear`);
  }
}

/**
 * Checks fields that may have one value only.
 *
 * @throws {LoadError} naming the first field with another value
 */
export function requireSettings<Fields extends object>(
  path: string,
  fields: Fields,
  settings: Partial<Fields>,
): void {
  for (const [field, expected] of Object.entries(settings)) {
    const value: unknown = fields[field as keyof Fields];
    if (value !== expected) throw unsupportedSetting(path, field, value, String(expected));
  }
}

/** The error for a field whose value is not served. */
export function unsupportedSetting(path: string, field: string, value: unknown, expected: string): LoadError {
  return new LoadError(`Cannot load ${path}: ${field} is ${JSON.stringify(value)}, expected ${expected}`);
}
