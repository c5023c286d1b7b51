/**
 * Activations of a decoder: the tensors between the ops of a layer.
 *
 * @module
 */
import { temporaryTensor } from "../../ffi/batch.ts";
import type { TensorId } from "../../ffi/handles.ts";
import type { ModelParts } from "./parts.ts";

/** Tensors that all layers share, one row per batch row. */
export class Activations {
  /** The residual stream [rows, hiddenSize]. */
  readonly hidden: TensorId;
  /** Input of attention or MLP behind its norm [rows, hiddenSize]; once that is read, what they add to the stream. */
  readonly normed: TensorId;
  /** Queries, keys and values [rows, (numHeads + 2 numKvHeads) * headDim]. */
  readonly qkv: TensorId;
  /** [rows, numHeads * headDim] */
  readonly attended: TensorId;
  /** [rows, 2 * intermediateSize] */
  readonly gateUp: TensorId;
  /** [rows, intermediateSize] */
  readonly gated: TensorId;
  /** Of layers with experts. */
  readonly experts?: ExpertActivations;

  constructor({ context, batch, config }: Pick<ModelParts, "context" | "batch" | "config">) {
    const rows = (cols: number) => temporaryTensor(context, batch, "rows", cols);
    this.hidden = rows(config.hiddenSize);
    this.normed = rows(config.hiddenSize);
    this.qkv = rows((config.numHeads + 2 * config.numKvHeads) * config.headDim);
    this.attended = rows(config.numHeads * config.headDim);
    this.gateUp = rows(2 * config.intermediateSize);
    this.gated = rows(config.intermediateSize);
    if (config.experts === undefined) return;
    const { count, perRow, intermediateSize } = config.experts;
    this.experts = {
      logits: rows(count),
      routing: rows(2 * perRow),
      gateUp: rows(2 * perRow * intermediateSize),
      gated: rows(perRow * intermediateSize),
      projected: rows(perRow * config.hiddenSize),
    };
  }
}

/** Tensors between the ops of a mixture of experts, one row per batch row. */
export interface ExpertActivations {
  /** The router's [rows, experts]. */
  readonly logits: TensorId;
  /** Numbers of a row's experts, then their weights: [rows, 2 * experts per row]. */
  readonly routing: TensorId;
  /** [rows, 2 * experts per row * intermediateSize] */
  readonly gateUp: TensorId;
  /** [rows, experts per row * intermediateSize] */
  readonly gated: TensorId;
  /** What each expert of a row yields: [rows, experts per row * hiddenSize]. */
  readonly projected: TensorId;
}

/** What attention or an MLP reads and writes: out = it(x) (+ residual, which may be out). */
export interface BranchTensors {
  /** [rows, hiddenSize] */
  readonly x: TensorId;
  /** [rows, hiddenSize]; may be x. */
  readonly out: TensorId;
  /** [rows, hiddenSize] */
  readonly residual?: TensorId;
}
