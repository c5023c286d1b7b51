/**
 * Multi-token prediction layer as MiMo has it (Xiaomi 2025, arXiv 2505.07608): trained with the target, one plain decoder
 * layer over the target's last state and the token's embedding, each behind a norm; reused for every step.
 *
 * @module
 */
import { Activations } from "../nn/activations.ts";
import { DecoderLayer } from "../nn/decoder_layer.ts";
import { ConcatLinear, RmsNorm } from "../nn/layers.ts";
import { RotaryEmbedding } from "../nn/rotary_embedding.ts";
import { temporaryTensor } from "../../ffi/batch.ts";
import type { KvId, TensorId } from "../../ffi/handles.ts";
import { embedding, gatherRows } from "../../ffi/ops.ts";
import { type DraftHead, HeadOutput, type HeadParts } from "./draft_head.ts";

/**
 * Multi-token prediction head; fields are named as in the checkpoint. The row at position 0 has no token: its embedding
 * is zero.
 */
export class MtpHead implements DraftHead {
  readonly output: HeadOutput;
  readonly #parts: HeadParts;
  readonly #activations: Activations;
  readonly #state: TensorId;
  readonly #embedded: TensorId;
  readonly rotary: RotaryEmbedding;
  readonly tokenLayernorm: RmsNorm;
  readonly hiddenLayernorm: RmsNorm;
  /** Projection of state and embedding, in this order; EAGLE has them the other way round. */
  readonly inputProj: ConcatLinear;
  readonly layer: DecoderLayer;

  /** @throws {LoadError} if a tensor is missing */
  constructor(parts: HeadParts) {
    const { context, config, weights, batch, target } = parts, { hiddenSize, rmsNormEps } = config;
    this.#parts = parts;
    this.tokenLayernorm = new RmsNorm(context, weights.at("token_layernorm"), rmsNormEps);
    this.hiddenLayernorm = new RmsNorm(context, weights.at("hidden_layernorm"), rmsNormEps);
    this.inputProj = new ConcatLinear(context, weights, [target.hiddenSize, hiddenSize], "input_proj");
    this.layer = new DecoderLayer(parts, weights.at("layers").at(0), 0);
    this.output = new HeadOutput(
      parts,
      { weight: target.lmHead, rows: target.lmHeadRows },
      new RmsNorm(context, weights.at("final_layernorm"), rmsNormEps),
    );
    this.rotary = new RotaryEmbedding(parts);
    this.#activations = new Activations(parts);
    this.#state = temporaryTensor(context, batch, "rows", target.hiddenSize);
    this.#embedded = temporaryTensor(context, batch, "rows", hiddenSize);
  }

  extend(kv: KvId): void {
    this.#forward(kv, this.#parts.target.features);
  }

  grow(kv: KvId): void {
    this.#forward(kv, this.output.states);
  }

  #forward(kv: KvId, states: TensorId): void {
    const { context, batch, target } = this.#parts, { hidden } = this.#activations;
    gatherRows(context, this.#state, states, batch, 0);
    this.hiddenLayernorm.forward(this.#state, this.#state);
    this.inputProj.forward(hidden, 0, this.#state);
    embedding(context, this.#embedded, batch, target.embedding);
    this.tokenLayernorm.forward(this.#embedded, this.#embedded);
    this.inputProj.forward(hidden, 1, this.#embedded);
    this.rotary.prepare();
    this.layer.forward(this.#activations, this.rotary, kv);
    this.output.forward(hidden);
  }
}
