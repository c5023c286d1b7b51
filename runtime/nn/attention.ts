/**
 * Grouped-query attention (Ainslie et al. 2023) with its projections.
 *
 * @module
 */
import type { KvId } from "../../ffi/handles.ts";
import type { Activations, BranchTensors } from "./activations.ts";
import { CachedAttention } from "./cached_attention.ts";
import { Linear } from "./layers.ts";
import type { ModelParts } from "./parts.ts";
import type { RotaryEmbedding } from "./rotary_embedding.ts";
import type { Weights } from "./weights.ts";

/** Attention of one layer. */
export class Attention {
  readonly #core: CachedAttention;
  readonly qkvProj: Linear;
  readonly oProj: Linear;

  constructor(parts: ModelParts, weights: Weights, layer: number) {
    this.#core = new CachedAttention(parts, layer);
    this.qkvProj = new Linear(parts.context, weights, "q_proj", "k_proj", "v_proj");
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
    this.#core.forward(attended, qkv, rotary, kv);
    this.oProj.forward(out, attended, residual);
  }
}
