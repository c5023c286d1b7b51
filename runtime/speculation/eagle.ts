/**
 * EAGLE-1 and EAGLE-2 head (Li et al. 2024, arXiv 2401.15077 and 2406.16858; the two differ in the tree only): the
 * target's last state and the token's embedding through one matrix, a decoder layer without input norm, the target's
 * LM head.
 *
 * @module
 */
import { Activations } from "../nn/activations.ts";
import { Attention } from "../nn/attention.ts";
import { DecoderLayer } from "../nn/decoder_layer.ts";
import { GatedMlp } from "../nn/gated_mlp.ts";
import { ConcatLinear, RmsNorm } from "../nn/layers.ts";
import { RotaryEmbedding } from "../nn/rotary_embedding.ts";
import { temporaryTensor } from "../../ffi/batch.ts";
import type { KvId, TensorId } from "../../ffi/handles.ts";
import { embedding, gatherRows } from "../../ffi/ops.ts";
import { type DraftHead, HeadOutput, type HeadParts } from "./draft_head.ts";

/** EAGLE-1 and EAGLE-2 head; fields are named as in the checkpoint. */
export class EagleHead implements DraftHead {
  readonly numLevels = 1;
  readonly output: HeadOutput;
  readonly #parts: HeadParts;
  readonly #activations: Activations;
  readonly #state: TensorId;
  readonly #embedded: TensorId;
  readonly rotary: RotaryEmbedding;
  readonly fc: ConcatLinear;
  readonly selfAttn: Attention;
  readonly postAttentionLayernorm: RmsNorm;
  readonly mlp: GatedMlp;
  /** Plain decoder layers behind the first, if there are any. */
  readonly layers: readonly DecoderLayer[];

  /** @throws {LoadError} if a tensor is missing */
  constructor(parts: HeadParts) {
    const { context, config, weights, batch, target } = parts, layer = weights.at("layers").at(0);
    this.#parts = parts;
    this.fc = new ConcatLinear(context, weights, [config.hiddenSize, target.hiddenSize], "fc");
    this.selfAttn = new Attention(parts, layer.at("self_attn"), 0);
    this.postAttentionLayernorm = new RmsNorm(
      context,
      layer.at("post_attention_layernorm"),
      config.rmsNormEps,
    );
    this.mlp = new GatedMlp(context, layer.at("mlp"));
    this.layers = Array.from(
      { length: config.numLayers - 1 },
      (_, i) => new DecoderLayer(parts, weights.at("layers").at(i + 1), i + 1),
    );
    this.output = new HeadOutput(parts, { weight: target.lmHead, rows: target.lmHeadRows });
    this.rotary = new RotaryEmbedding(parts);
    this.#activations = new Activations(parts);
    this.#state = temporaryTensor(context, batch, "rows", target.hiddenSize);
    this.#embedded = temporaryTensor(context, batch, "rows", config.hiddenSize);
  }

  extend(kv: KvId): void {
    this.#forward(kv, this.#parts.target.features);
  }

  grow(kv: KvId): void {
    this.#forward(kv, this.output.states);
  }

  #forward(kv: KvId, states: TensorId): void {
    const { context, batch, target } = this.#parts;
    const activations = this.#activations, { hidden, normed } = activations;
    gatherRows(context, this.#state, states, batch, 0);
    embedding(context, this.#embedded, batch, target.embedding);
    this.fc.forward(hidden, 0, this.#embedded);
    this.fc.forward(hidden, 1, this.#state);
    this.rotary.prepare();
    this.selfAttn.forward({ x: hidden, out: hidden, residual: hidden }, activations, this.rotary, kv);
    this.postAttentionLayernorm.forward(normed, hidden);
    this.mlp.forward({ x: normed, out: hidden, residual: hidden }, activations);
    for (const layer of this.layers) layer.forward(activations, this.rotary, kv);
    this.output.forward(hidden);
  }
}
