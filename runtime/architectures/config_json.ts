/**
 * Fields of config.json that decoders have in common. An architecture may extend {@linkcode DECODER_FIELDS} by its own,
 * and says with {@linkcode requireSettings} which of them must have the one value that its forward computes by.
 *
 * @module
 */
import { z } from "zod";
import { LoadError } from "../contracts/errors.ts";
import type { NetworkConfig } from "./network_config.ts";
import { readRope, ROPE_FIELDS, type RopeDefaults } from "./rope_json.ts";

/** A positive whole number. */
export const SIZE: z.ZodInt = z.int().positive();

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
  ...ROPE_FIELDS,
  "max_position_embeddings": SIZE.default(2048),
  "tie_word_embeddings": z.boolean().default(false),
  "hidden_act": z.string().default("silu"),
  "attention_bias": z.boolean().default(false),
  "mlp_bias": z.boolean().default(false),
});

/** What {@linkcode DECODER_FIELDS} yields. */
export type DecoderFields = z.infer<typeof DECODER_FIELDS>;

/**
 * The configuration that the common fields state, by what the architecture has of its own in rotary positions.
 *
 * @throws {LoadError} naming the field, if the kind of rotary scaling is unknown or lacks a number
 */
export function networkConfig(
  path: string,
  fields: DecoderFields,
  ropeDefaults: RopeDefaults = {},
): NetworkConfig {
  const numHeads = fields.num_attention_heads, maxPositionEmbeddings = fields.max_position_embeddings;
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
    rope: readRope(path, fields, { ...ropeDefaults, headDim, maxPositionEmbeddings }),
    maxPositionEmbeddings,
    tieWordEmbeddings: fields.tie_word_embeddings,
    ...(fields.attention_bias && { attentionBias: true }),
    ...(fields.mlp_bias && { mlpBias: true }),
  };
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
