/**
 * Decoder with a language-model head: embedding, layers, norm, logits.
 *
 * @module
 */
import { temporaryTensor } from "../../ffi/batch.ts";
import type { KvId, TensorId, WeightId } from "../../ffi/handles.ts";
import * as ops from "../../ffi/ops.ts";
import { Activations } from "./activations.ts";
import { DecoderLayer, type LayerSettings } from "./decoder_layer.ts";
import { Embedding, Linear, RmsNorm } from "./layers.ts";
import type { ModelParts } from "./parts.ts";
import { RotaryEmbedding } from "./rotary_embedding.ts";

/** A decoder whose layers are made by settings; fields are named as in the checkpoint. */
export class Decoder {
  /** [outputs of a slice, vocabSize] */
  readonly logits: TensorId;
  readonly #parts: ModelParts;
  readonly #activations: Activations;
  /** [outputs, hiddenSize] of the final norm; may be read after a forward. */
  readonly outputStates: TensorId;
  readonly #lastHidden: TensorId;
  /** What is multiplied by the output matrix: the output states, scaled where logits are. */
  readonly #lastNormed: TensorId;
  readonly embedTokens: Embedding;
  /** Of the layers with rotary positions, by their kind. */
  readonly #rotaries: { readonly global?: RotaryEmbedding; readonly local?: RotaryEmbedding };
  readonly layers: readonly DecoderLayer[];
  readonly norm: RmsNorm;
  /** Undefined when tied to the embedding. */
  readonly lmHead?: Linear;

  /** @throws {LoadError} if a tensor is missing */
  constructor(parts: ModelParts, settings: LayerSettings = {}) {
    const { context, config, weights, batch } = parts;
    const model = weights.at("model");
    this.#parts = parts;
    this.embedTokens = new Embedding(context, model, "embed_tokens");
    this.layers = Array.from(
      { length: config.numLayers },
      (_, layer) => new DecoderLayer(parts, model.at("layers").at(layer), layer, settings),
    );
    this.norm = new RmsNorm(context, model.at("norm"), config.rmsNormEps);
    if (!config.tieWordEmbeddings) this.lmHead = new Linear(context, weights, "lm_head");
    this.#rotaries = createRotaries(parts);
    this.#activations = new Activations(parts);
    this.#lastHidden = temporaryTensor(context, batch, "outputs", config.hiddenSize);
    this.outputStates = context.batchTensor(batch, "outputs", config.hiddenSize);
    this.#lastNormed = config.logitScale === undefined
      ? this.outputStates
      : context.batchTensor(batch, "outputs", config.hiddenSize);
    this.logits = context.batchTensor(batch, "outputSlice", config.vocabSize);
  }

  /** [vocabSize, hiddenSize] */
  get embedding(): WeightId {
    return this.embedTokens.weight;
  }

  /** [vocabSize, hiddenSize]; the embedding if tied. */
  get lmHeadWeight(): WeightId {
    return this.lmHead?.weight ?? this.embedTokens.weight;
  }

  /** Runs (or records) a forward of the batch as written; keys and values go to `kv`. */
  forward(kv: KvId): void {
    this.forwardLayers(kv);
    this.forwardHead();
  }

  /** The part of `forward` up to the states of the outputs. */
  forwardLayers(kv: KvId): void {
    const { context, batch, config } = this.#parts, { hidden } = this.#activations;
    this.embedTokens.forward(hidden, batch);
    if (config.embeddingScale !== undefined) ops.scale(context, hidden, config.embeddingScale);
    this.#rotaries.global?.prepare();
    this.#rotaries.local?.prepare();
    this.layers.forEach((layer, index) => {
      this.#keepFeatures(index, hidden);
      const kind = config.layers?.[index]?.rope ?? "global";
      layer.forward(this.#activations, kind === "none" ? undefined : this.#rotaries[kind], kv);
    });
    if (this.#parts.features?.layers.includes(this.layers.length)) {
      this.norm.forward(this.#activations.normed, hidden);
      this.#keepFeatures(this.layers.length, this.#activations.normed);
    }
    ops.gatherOutputs(context, this.#lastHidden, hidden, batch);
    this.norm.forward(this.outputStates, this.#lastHidden);
    if (config.logitScale !== undefined) {
      // What scales the input of a matrix scales its output, which is wider.
      this.norm.forward(this.#lastNormed, this.#lastHidden);
      ops.scale(context, this.#lastNormed, config.logitScale);
    }
  }

  /** The part of `forward` behind {@linkcode Decoder.forwardLayers}: logits of the outputs. */
  forwardHead(): void {
    const { context, config } = this.#parts;
    ops.linear(context, this.logits, this.#lastNormed, this.lmHeadWeight);
    if (config.logitSoftCap !== undefined) ops.softCap(context, this.logits, config.logitSoftCap);
  }

  #keepFeatures(layer: number, x: TensorId): void {
    const { context, batch, config, features } = this.#parts, at = features?.layers.indexOf(layer) ?? -1;
    if (features && at >= 0) ops.storeRows(context, features.tensor, x, batch, at * config.hiddenSize);
  }
}

/** The rotary embeddings that some layer uses. */
function createRotaries(parts: ModelParts): { global?: RotaryEmbedding; local?: RotaryEmbedding } {
  const { config: { localRope, layers } } = parts;
  const uses = (kind: "global" | "local") =>
    layers?.some((layer) => layer.rope === kind) ?? kind === "global";
  return {
    ...(uses("global") && { global: new RotaryEmbedding(parts) }),
    ...(localRope !== undefined && uses("local") && { local: new RotaryEmbedding(parts, localRope) }),
  };
}
