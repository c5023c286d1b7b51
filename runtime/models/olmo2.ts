/**
 * OLMo 2 (Walsh et al. 2025): norms behind attention and MLP, none in front.
 *
 * @module
 */
import { Decoder } from "../nn/decoder.ts";
import type { ModelParts } from "../nn/parts.ts";

/** OLMo 2 with a language-model head. */
export class Olmo2 extends Decoder {
  /** @throws {LoadError} if a tensor is missing */
  constructor(parts: ModelParts) {
    super(parts, {
      norms: { afterAttention: "post_attention_layernorm", afterMlp: "post_feedforward_layernorm" },
    });
  }
}
