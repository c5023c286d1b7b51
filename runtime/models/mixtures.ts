/**
 * Models whose MLP is a mixture of experts: Mixtral (Jiang et al. 2024) and Qwen3 with experts (Qwen Team 2025).
 *
 * @module
 */
import { Decoder } from "../nn/decoder.ts";
import { ExpertMlp } from "../nn/expert_mlp.ts";
import { GatedMlp } from "../nn/gated_mlp.ts";
import type { ModelParts } from "../nn/parts.ts";

/** Every layer has experts. */
export class Mixtral extends Decoder {
  /** @throws {LoadError} if a tensor is missing */
  constructor(parts: ModelParts) {
    super(parts, {
      createMlp: (parts, weights) => new ExpertMlp(parts, weights.at("block_sparse_moe"), ["w1", "w3", "w2"]),
    });
  }
}

/** Layers have experts or a plain MLP. */
export class Qwen3Moe extends Decoder {
  /** @throws {LoadError} if a tensor is missing */
  constructor(parts: ModelParts) {
    super(parts, {
      createMlp(parts, weights, layer) {
        const mlp = weights.at("mlp");
        if (parts.config.experts!.denseLayers.includes(layer)) return new GatedMlp(parts.context, mlp);
        return new ExpertMlp(parts, mlp, ["gate_proj", "up_proj", "down_proj"]);
      },
    });
  }
}
