/**
 * Llama (Touvron et al. 2023) and models of its form: pre-norm decoder, grouped-query attention, rotary positions, gated MLP.
 * Reads like the checkpoint: fields are its names in camelCase.
 *
 * @module
 */
import type { ModelConfig } from "../contracts/checkpoint.ts";
import { temporaryTensor } from "../../ffi/batch.ts";
import type { Context } from "../../ffi/context.ts";
import type { BatchId, KvId, TensorId, WeightId } from "../../ffi/handles.ts";
import * as ops from "../../ffi/ops.ts";
import { CachedAttention } from "../nn/cached_attention.ts";
import { Embedding, Linear, RmsNorm } from "../nn/layers.ts";
import { RotaryEmbedding } from "../nn/rotary_embedding.ts";
import type { Weights } from "../nn/weights.ts";
import type { Model, ModelParts } from "./model.ts";

/** Tensors that all layers share, one row per batch row. */
export class Activations {
  readonly hidden: TensorId;
  readonly normed: TensorId;
  readonly qkv: TensorId;
  readonly attended: TensorId;
  readonly gateUp: TensorId;
  readonly gated: TensorId;

  constructor(context: Context, batch: BatchId, config: ModelConfig) {
    const rows = (cols: number) => temporaryTensor(context, batch, "rows", cols);
    this.hidden = rows(config.hiddenSize);
    this.normed = rows(config.hiddenSize);
    this.qkv = rows((config.numHeads + 2 * config.numKvHeads) * config.headDim);
    this.attended = rows(config.numHeads * config.headDim);
    this.gateUp = rows(2 * config.intermediateSize);
    this.gated = rows(config.intermediateSize);
  }
}

/** Grouped-query attention (Ainslie et al. 2023) between its projections. */
export class Attention {
  readonly #core: CachedAttention;
  readonly qkvProj: Linear;
  readonly oProj: Linear;

  constructor(parts: ModelParts, weights: Weights, layer: number) {
    this.#core = new CachedAttention(parts, layer);
    this.qkvProj = new Linear(parts.context, weights, "q_proj", "k_proj", "v_proj");
    this.oProj = new Linear(parts.context, weights, "o_proj");
  }

  /** hidden += o_proj(attention(normed)) */
  forward({ hidden, normed, qkv, attended }: Activations, rotary: RotaryEmbedding, kv: KvId): void {
    this.qkvProj.forward(qkv, normed);
    this.#core.forward(attended, qkv, rotary, kv);
    this.oProj.forward(hidden, attended, hidden);
  }
}

/** The feed-forward half of a layer (SwiGLU, Shazeer 2020). */
export class GatedMlp {
  readonly #context: Context;
  readonly gateUpProj: Linear;
  readonly downProj: Linear;

  constructor(context: Context, weights: Weights) {
    this.#context = context;
    this.gateUpProj = new Linear(context, weights, "gate_proj", "up_proj");
    this.downProj = new Linear(context, weights, "down_proj");
  }

  /** hidden += down_proj(silu(gate_proj(normed)) * up_proj(normed)) */
  forward({ hidden, normed, gateUp, gated }: Activations): void {
    this.gateUpProj.forward(gateUp, normed);
    ops.siluMul(this.#context, gated, gateUp);
    this.downProj.forward(hidden, gated, hidden);
  }
}

/** Attention and MLP, each behind its norm and around the residual. */
export class DecoderLayer {
  readonly inputLayernorm: RmsNorm;
  readonly selfAttn: Attention;
  readonly postAttentionLayernorm: RmsNorm;
  readonly mlp: GatedMlp;

  constructor(parts: ModelParts, weights: Weights, layer: number) {
    const { context, config: { rmsNormEps } } = parts;
    this.inputLayernorm = new RmsNorm(context, weights.at("input_layernorm"), rmsNormEps);
    this.selfAttn = new Attention(parts, weights.at("self_attn"), layer);
    this.postAttentionLayernorm = new RmsNorm(context, weights.at("post_attention_layernorm"), rmsNormEps);
    this.mlp = new GatedMlp(context, weights.at("mlp"));
  }

  /** Updates `hidden`; keys and values go to this layer's part of `kv`. */
  forward(activations: Activations, rotary: RotaryEmbedding, kv: KvId): void {
    this.inputLayernorm.forward(activations.normed, activations.hidden);
    this.selfAttn.forward(activations, rotary, kv);
    this.postAttentionLayernorm.forward(activations.normed, activations.hidden);
    this.mlp.forward(activations);
  }
}

/** Llama with a language-model head. */
export class Llama implements Model {
  readonly logits: TensorId;
  readonly #parts: ModelParts;
  readonly #activations: Activations;
  readonly #lastHidden: TensorId;
  readonly #lastNormed: TensorId;
  readonly embedTokens: Embedding;
  readonly rotary: RotaryEmbedding;
  readonly layers: readonly DecoderLayer[];
  readonly norm: RmsNorm;
  /** Undefined when tied to the embedding. */
  readonly lmHead?: Linear;

  /** @throws {LoadError} if a tensor is missing */
  constructor(parts: ModelParts) {
    const { context, config, weights, batch } = parts;
    const model = weights.at("model");
    this.#parts = parts;
    this.embedTokens = new Embedding(context, model, "embed_tokens");
    this.layers = Array.from(
      { length: config.numLayers },
      (_, layer) => new DecoderLayer(parts, model.at("layers").at(layer), layer),
    );
    this.norm = new RmsNorm(context, model.at("norm"), config.rmsNormEps);
    if (!config.tieWordEmbeddings) this.lmHead = new Linear(context, weights, "lm_head");
    this.rotary = new RotaryEmbedding(parts);
    this.#activations = new Activations(context, batch, config);
    this.#lastHidden = temporaryTensor(context, batch, "outputs", config.hiddenSize);
    this.#lastNormed = temporaryTensor(context, batch, "outputs", config.hiddenSize);
    this.logits = context.batchTensor(batch, "outputSlice", config.vocabSize);
  }

  get embedding(): WeightId {
    return this.embedTokens.weight;
  }

  get lmHeadWeight(): WeightId {
    return this.lmHead?.weight ?? this.embedTokens.weight;
  }

  forward(kv: KvId): void {
    const { context, batch } = this.#parts;
    this.embedTokens.forward(this.#activations.hidden, batch);
    this.rotary.prepare();
    this.layers.forEach((layer, index) => {
      this.#keepFeatures(index, this.#activations.hidden);
      layer.forward(this.#activations, this.rotary, kv);
    });
    if (this.#parts.features?.layers.includes(this.layers.length)) {
      this.norm.forward(this.#activations.normed, this.#activations.hidden);
      this.#keepFeatures(this.layers.length, this.#activations.normed);
    }
    ops.gatherOutputs(context, this.#lastHidden, this.#activations.hidden, batch);
    this.norm.forward(this.#lastNormed, this.#lastHidden);
    ops.linear(context, this.logits, this.#lastNormed, this.lmHeadWeight);
  }

  #keepFeatures(layer: number, x: TensorId): void {
    const { context, batch, config, features } = this.#parts, at = features?.layers.indexOf(layer) ?? -1;
    if (features && at >= 0) ops.storeRows(context, features.tensor, x, batch, at * config.hiddenSize);
  }
}
