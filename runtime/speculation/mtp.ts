/**
 * Multi-token prediction layers as MiMo has them (Xiaomi 2025, arXiv 2505.07608), trained with the target: each a plain
 * decoder layer over a state and the token's embedding, both behind a norm. The first takes the target's last state and
 * drafts the first level, every further one takes the states of the layer before it and drafts the next level
 * (DeepSeek-V3, arXiv 2412.19437, section 2.2); the last one goes on from its own states.
 *
 * @module
 */
import { Activations } from "../nn/activations.ts";
import { DecoderLayer } from "../nn/decoder_layer.ts";
import { ConcatLinear, RmsNorm } from "../nn/layers.ts";
import { RotaryEmbedding } from "../nn/rotary_embedding.ts";
import type { Weights } from "../nn/weights.ts";
import { temporaryTensor } from "../../ffi/batch.ts";
import type { KvId, TensorId } from "../../ffi/handles.ts";
import { embedding, gatherRows, storeRows } from "../../ffi/ops.ts";
import { type DraftHead, HeadOutput, type HeadParts } from "./draft_head.ts";

/** One layer; fields are named as in the checkpoint. */
class MtpLayer {
  readonly tokenLayernorm: RmsNorm;
  readonly hiddenLayernorm: RmsNorm;
  /** Projection of state and embedding, in this order; EAGLE has them the other way round. */
  readonly inputProj: ConcatLinear;
  readonly layer: DecoderLayer;
  readonly finalLayernorm: RmsNorm;

  constructor(parts: HeadParts, weights: Weights, index: number) {
    const { context, config: { hiddenSize, rmsNormEps }, target } = parts;
    const norm = (name: string) => new RmsNorm(context, weights.at(name), rmsNormEps);
    this.tokenLayernorm = norm("token_layernorm");
    this.hiddenLayernorm = norm("hidden_layernorm");
    this.inputProj = new ConcatLinear(context, weights, [target.hiddenSize, hiddenSize], "input_proj");
    this.layer = new DecoderLayer(parts, weights, index);
    this.finalLayernorm = norm("final_layernorm");
  }
}

/**
 * Multi-token prediction head. The row at position 0 has no token: its embedding is zero.
 *
 * Row e of every layer takes the token at e + 1. Its state is, in the first layer, the target's at e; in a further layer
 * that of the layer before it at row e - 1, and at row 0, before which there is none, that at row 0. DeepSeek numbers the
 * rows of layer k from k on, which is the same, as rotary positions are relative. So all layers have KV of a token in the
 * same slot, and a node of a tree is one row of all the layers that go on below it.
 */
export class MtpHead implements DraftHead {
  readonly numLevels: number;
  readonly output: HeadOutput;
  readonly extendFurther?: (kv: KvId) => void;
  readonly layers: readonly MtpLayer[];
  readonly rotary: RotaryEmbedding;
  /** By layer; they share the logits. */
  readonly #outputs: readonly HeadOutput[];
  readonly #parts: HeadParts;
  readonly #activations: Activations;
  readonly #state: TensorId;
  readonly #embedded: TensorId;

  /** @throws {LoadError} if a tensor is missing */
  constructor(parts: HeadParts) {
    const { context, config, weights, batch, target } = parts, { hiddenSize, numLayers } = config;
    this.#parts = parts;
    this.layers = Array.from(
      { length: numLayers },
      (_, index) => new MtpLayer(parts, weights.at("layers").at(index), index),
    );
    this.numLevels = numLayers;
    const lmHead = { weight: target.lmHead, rows: target.lmHeadRows };
    const [first, ...further] = this.layers;
    this.output = new HeadOutput(parts, lmHead, first!.finalLayernorm);
    this.#outputs = [
      this.output,
      ...further.map(({ finalLayernorm }) =>
        new HeadOutput(parts, lmHead, finalLayernorm, this.output.logits)
      ),
    ];
    this.rotary = new RotaryEmbedding(parts);
    this.#activations = new Activations(parts);
    this.#state = temporaryTensor(context, batch, "rows", target.hiddenSize);
    this.#embedded = temporaryTensor(context, batch, "rows", hiddenSize);
    if (further.length > 0) this.extendFurther = (kv) => this.#extendFurther(kv);
  }

  extend(kv: KvId): void {
    this.rotary.prepare();
    this.#forward(kv, 0, this.#parts.target.features);
    this.#keepRows(0);
    this.output.forward(this.#activations.hidden);
  }

  grow(kv: KvId, level: number): void {
    const last = this.layers.length - 1;
    this.rotary.prepare();
    if (level > last) {
      this.#forward(kv, last, this.#outputs[last]!.states);
      this.#outputs[last]!.forward(this.#activations.hidden);
      return;
    }
    // Backwards, since each layer takes what the one before it has left of the level above.
    for (let index = last; index >= level; index--) {
      this.#forward(kv, index, this.#outputs[index - 1]!.states);
      if (index > level) this.#outputs[index]!.keepStates(this.#activations.hidden);
      else this.#outputs[index]!.forward(this.#activations.hidden);
    }
  }

  #extendFurther(kv: KvId): void {
    const { ownStates, config: { hiddenSize } } = this.#parts;
    this.rotary.prepare();
    for (let index = 1; index < this.layers.length; index++) {
      this.#forward(kv, index, ownStates!, (index - 1) * hiddenSize);
      this.#keepRows(index);
      this.#outputs[index]!.keepStates(this.#activations.hidden);
    }
  }

  /** Leaves the output of a layer in `hidden`, from `states` at the batch's sources. */
  #forward(kv: KvId, index: number, states: TensorId, column = 0): void {
    const { context, batch, target } = this.#parts, { hidden } = this.#activations;
    const { hiddenLayernorm, tokenLayernorm, inputProj, layer } = this.layers[index]!;
    gatherRows(context, this.#state, states, batch, column);
    hiddenLayernorm.forward(this.#state, this.#state);
    inputProj.forward(hidden, 0, this.#state);
    embedding(context, this.#embedded, batch, target.embedding);
    tokenLayernorm.forward(this.#embedded, this.#embedded);
    inputProj.forward(hidden, 1, this.#embedded);
    layer.forward(this.#activations, this.rotary, kv);
  }

  /** Keeps the states of all rows for the next layer, if there is one. */
  #keepRows(index: number): void {
    if (index === this.layers.length - 1) return;
    const { context, batch, ownStates, config: { hiddenSize } } = this.#parts;
    const { hidden, normed } = this.#activations;
    this.layers[index]!.finalLayernorm.forward(normed, hidden);
    storeRows(context, ownStates!, normed, batch, index * hiddenSize);
  }
}
