/**
 * Attention without its projections: rotary positions, KV store, softmax over what a layer's window shows.
 *
 * @module
 */
import type { ModelConfig } from "../contracts/checkpoint.ts";
import type { Context } from "../../ffi/context.ts";
import type { BatchId, KvId, TensorId } from "../../ffi/handles.ts";
import * as ops from "../../ffi/ops.ts";
import type { RotaryEmbedding } from "./rotary_embedding.ts";

/** Attention over the KV pool for one layer. */
export class CachedAttention {
  readonly #context: Context;
  readonly #batch: BatchId;
  readonly #config: ModelConfig;
  readonly #layer: number;

  constructor(
    parts: { readonly context: Context; readonly batch: BatchId; readonly config: ModelConfig },
    layer: number,
  ) {
    this.#context = parts.context;
    this.#batch = parts.batch;
    this.#config = parts.config;
    this.#layer = layer;
  }

  /**
   * attended [rows, numHeads * headDim] = attention of qkv [rows, (numHeads + 2 numKvHeads) * headDim], after its keys
   * and values are stored.
   */
  forward(attended: TensorId, qkv: TensorId, rotary: RotaryEmbedding | undefined, kv: KvId): void {
    const { numHeads, numKvHeads, headDim, attentionSoftCap: softCap = 0, layers } = this.#config;
    const { attentionScale: scale = 1 / Math.sqrt(headDim) } = this.#config, layer = this.#layer;
    const window = layers?.[layer]?.window ?? 0;
    rotary?.forward(qkv, numHeads + numKvHeads);
    ops.kvStore(this.#context, kv, qkv, this.#batch, layer, numHeads);
    ops.attention(this.#context, attended, qkv, kv, this.#batch, layer, numHeads, scale, softCap, window);
  }
}
