/**
 * Gemma 2 and 3 (Gemma Team 2024 and 2025): norms on both sides of attention and MLP, GEGLU.
 *
 * @module
 */
import { Decoder } from "../nn/decoder.ts";
import type { ModelParts } from "../nn/parts.ts";

/** Gemma with a language-model head. */
export class Gemma extends Decoder {
  /** @throws {LoadError} if a tensor is missing */
  constructor(parts: ModelParts) {
    super(parts, {
      norms: {
        beforeAttention: "input_layernorm",
        afterAttention: "post_attention_layernorm",
        beforeMlp: "pre_feedforward_layernorm",
        afterMlp: "post_feedforward_layernorm",
      },
      activation: "gelu_tanh",
    });
  }
}
