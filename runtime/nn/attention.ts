/**
 * Grouped-query attention (Ainslie et al. 2023) with its projections.
 *
 * @module
 */
import type { KvId } from "../../ffi/handles.ts";
import type { Activations, BranchTensors } from "./activations.ts";
import { CachedAttention } from "./cached_attention.ts";
import { GroupNorm, Linear } from "./layers.ts";
import type { ModelParts } from "./parts.ts";
import type { RotaryEmbedding } from "./rotary_embedding.ts";
import type { Weights } from "./weights.ts";

/**
 * Attention of one layer, with norms of queries and keys where the checkpoint has them: over each head (Qwen3) or over
 * all heads at once (OLMo 2), as many numbers as the norm's weight has.
 */
export class Attention {
  readonly #core: CachedAttention;
  /** The three projections may be one in the checkpoint. */
  readonly qkvProj: Linear;
  readonly qNorm?: GroupNorm;
  readonly kNorm?: GroupNorm;
  readonly oProj: Linear;

  constructor(parts: ModelParts, weights: Weights, layer: number) {
    const { context, config: { numHeads, numKvHeads, headDim, rmsNormEps: eps } } = parts;
    const isFused = weights.has("qkv_proj.weight"), queryWidth = numHeads * headDim;
    this.#core = new CachedAttention(parts, layer);
    this.qkvProj = new Linear(context, weights, ...(isFused ? ["qkv_proj"] : ["q_proj", "k_proj", "v_proj"]));
    if (weights.has("q_norm.weight")) {
      this.qNorm = new GroupNorm(context, weights.at("q_norm"), { column: 0, width: queryWidth, eps });
    }
    if (weights.has("k_norm.weight")) {
      const columns = { column: queryWidth, width: numKvHeads * headDim };
      this.kNorm = new GroupNorm(context, weights.at("k_norm"), { ...columns, eps });
    }
    this.oProj = new Linear(parts.context, weights, "o_proj");
  }

  /** out = o_proj(attention(x)) (+ residual); positions stay out of it without `rotary`. */
  forward(
    { x, out, residual }: BranchTensors,
    { qkv, attended }: Activations,
    rotary: RotaryEmbedding | undefined,
    kv: KvId,
  ): void {
    this.qkvProj.forward(qkv, x);
    this.qNorm?.forward(qkv);
    this.kNorm?.forward(qkv);
    this.#core.forward(attended, qkv, rotary, kv);
    this.oProj.forward(out, attended, residual);
  }
}
