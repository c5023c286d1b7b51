/**
 * EAGLE-3 head (Li et al. 2025, arXiv 2503.01840): three hidden states of the target fused into one, a decoder layer
 * whose attention sees the token's embedding beside the state, a norm and an LM head of its own.
 *
 * @module
 */
import { Activations } from "../nn/activations.ts";
import { DecoderLayer } from "../nn/decoder_layer.ts";
import { GatedMlp } from "../nn/gated_mlp.ts";
import { CachedAttention } from "../nn/cached_attention.ts";
import { ConcatLinear, Linear, RmsNorm } from "../nn/layers.ts";
import { RotaryEmbedding } from "../nn/rotary_embedding.ts";
import { temporaryTensor } from "../../ffi/batch.ts";
import type { KvId, TensorId } from "../../ffi/handles.ts";
import { embedding, gatherRows } from "../../ffi/ops.ts";
import { type DraftHead, HeadOutput, type HeadParts } from "./draft_head.ts";

/** EAGLE-3 head; fields are named as in the checkpoint, where `layers.0` may be called `midlayer`. */
export class Eagle3Head implements DraftHead {
  readonly numLevels = 1;
  readonly output: HeadOutput;
  readonly #parts: HeadParts;
  readonly #activations: Activations;
  readonly #feature: TensorId;
  readonly #embedded: TensorId;
  readonly #attention: CachedAttention;
  readonly rotary: RotaryEmbedding;
  /**
   * Norms of the hidden states before they are fused (EAGLE-3.1, arXiv 2605.09992), one per state; empty for other
   * heads.
   */
  readonly fcNorm: readonly RmsNorm[];
  readonly fc: ConcatLinear;
  readonly inputLayernorm: RmsNorm;
  readonly hiddenNorm: RmsNorm;
  readonly qkvProj: ConcatLinear;
  readonly oProj: Linear;
  readonly postAttentionLayernorm: RmsNorm;
  readonly mlp: GatedMlp;
  /** Plain decoder layers behind the first, if there are any. */
  readonly layers: readonly DecoderLayer[];

  /** @throws {LoadError} if a tensor is missing */
  constructor(parts: HeadParts) {
    const { context, config, weights, batch, head: { featureLayers }, target } = parts;
    const { hiddenSize, rmsNormEps } = config, layer = weights.at("layers").at(0);
    const norm = (name: string, at = layer) => new RmsNorm(context, at.at(name), rmsNormEps);
    this.#parts = parts;
    this.fcNorm = weights.has("fc_norm.0.weight")
      ? featureLayers.map((_, i) => norm(String(i), weights.at("fc_norm")))
      : [];
    this.fc = new ConcatLinear(context, weights, featureLayers.map(() => target.hiddenSize), "fc");
    this.inputLayernorm = norm("input_layernorm");
    this.hiddenNorm = norm("hidden_norm");
    const attention = layer.at("self_attn"), halves = [hiddenSize, hiddenSize];
    this.qkvProj = new ConcatLinear(context, attention, halves, "q_proj", "k_proj", "v_proj");
    this.oProj = new Linear(context, attention, "o_proj");
    this.postAttentionLayernorm = norm("post_attention_layernorm");
    this.mlp = new GatedMlp(context, layer.at("mlp"));
    this.layers = Array.from(
      { length: config.numLayers - 1 },
      (_, i) => new DecoderLayer(parts, weights.at("layers").at(i + 1), i + 1),
    );
    const lmHead = weights.has("lm_head.weight")
      ? { weight: weights.matrix("lm_head"), rows: weights.rowsOf("lm_head.weight") }
      : { weight: target.lmHead, rows: target.lmHeadRows };
    this.output = new HeadOutput(parts, lmHead, norm("norm", weights));
    this.rotary = new RotaryEmbedding(parts);
    this.#attention = new CachedAttention(parts, 0);
    this.#activations = new Activations(parts);
    this.#feature = temporaryTensor(context, batch, "rows", target.hiddenSize);
    this.#embedded = temporaryTensor(context, batch, "rows", hiddenSize);
  }

  extend(kv: KvId): void {
    const { context, batch, head, target } = this.#parts, { hidden } = this.#activations;
    head.featureLayers.forEach((_, i) => {
      gatherRows(context, this.#feature, target.features, batch, i * target.hiddenSize);
      this.fcNorm[i]?.forward(this.#feature, this.#feature);
      this.fc.forward(hidden, i, this.#feature);
    });
    this.#forward(kv);
  }

  grow(kv: KvId): void {
    const { context, batch } = this.#parts;
    gatherRows(context, this.#activations.hidden, this.output.states, batch, 0);
    this.#forward(kv);
  }

  #forward(kv: KvId): void {
    const { context, batch, head, target } = this.#parts;
    const { hidden, normed, qkv, attended } = this.#activations;
    embedding(context, this.#embedded, batch, target.embedding);
    this.rotary.prepare();
    this.inputLayernorm.forward(normed, this.#embedded);
    this.qkvProj.forward(qkv, 0, normed);
    this.hiddenNorm.forward(normed, hidden);
    this.qkvProj.forward(qkv, 1, normed);
    this.#attention.forward(attended, qkv, this.rotary, kv);
    this.oProj.forward(hidden, attended, head.normBeforeResidual ? normed : hidden);
    this.postAttentionLayernorm.forward(normed, hidden);
    this.mlp.forward({ x: normed, out: hidden, residual: hidden }, this.#activations);
    for (const layer of this.layers) layer.forward(this.#activations, this.rotary, kv);
    this.output.forward(hidden);
  }
}
