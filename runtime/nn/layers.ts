/**
 * The small modules of a decoder: linear, norm, embedding. Fields carry checkpoint names; `forward` writes into a tensor
 * the caller owns.
 *
 * @module
 */
import type { Context } from "../../ffi/context.ts";
import type { BatchId, TensorId, WeightId } from "../../ffi/handles.ts";
import * as ops from "../../ffi/ops.ts";
import type { Weights } from "./weights.ts";

/** Linear layer: out = x W^T + b, with W of one or several stacked modules; b where the checkpoint has it. */
export class Linear {
  readonly #context: Context;
  readonly #bias: TensorId | undefined;
  readonly weight: WeightId;

  constructor(context: Context, weights: Weights, ...names: string[]) {
    this.#context = context;
    this.weight = weights.matrix(...names);
    this.#bias = weights.bias(...names);
  }

  /** out [rows, out features] = x [rows, in features] W^T + b (+ residual, which may be out) */
  forward(out: TensorId, x: TensorId, residual?: TensorId): void {
    ops.linear(this.#context, out, x, this.weight, residual);
    if (this.#bias !== undefined) ops.addBias(this.#context, out, this.#bias);
  }
}

/** Linear layer over a concatenation: out = [x0, x1, ...] W^T + b; the inputs are separate tensors of these widths. */
export class ConcatLinear {
  readonly #context: Context;
  readonly #parts: readonly WeightId[];
  readonly #bias: TensorId | undefined;

  constructor(context: Context, weights: Weights, widths: readonly number[], ...names: string[]) {
    this.#context = context;
    this.#parts = weights.columns(widths, ...names);
    this.#bias = weights.bias(...names);
  }

  /** Multiplies input number `part`, [rows, its width]. Input 0 sets out [rows, out features], the others add to it. */
  forward(out: TensorId, part: number, x: TensorId): void {
    ops.linear(this.#context, out, x, this.#parts[part]!, part === 0 ? undefined : out);
    if (part === 0 && this.#bias !== undefined) ops.addBias(this.#context, out, this.#bias);
  }
}

/** Root-mean-square norm with a learned scale. */
export class RmsNorm {
  readonly #context: Context;
  readonly #weight: TensorId;
  readonly #eps: number;

  constructor(context: Context, weights: Weights, eps: number) {
    this.#context = context;
    this.#weight = weights.vector("weight");
    this.#eps = eps;
  }

  /** out, x: [rows, hidden] */
  forward(out: TensorId, x: TensorId): void {
    ops.rmsNorm(this.#context, out, x, this.#weight, this.#eps);
  }
}

/** Columns of a matrix, and the epsilon of their norm. */
export interface NormedColumns {
  readonly column: number;
  readonly width: number;
  readonly eps: number;
}

/** Root-mean-square norm in place over groups of columns, each as wide as the learned scale. */
export class GroupNorm {
  readonly #context: Context;
  readonly #weight: TensorId;
  readonly #column: number;
  readonly #numGroups: number;
  readonly #eps: number;

  constructor(context: Context, weights: Weights, { column, width, eps }: NormedColumns) {
    this.#context = context;
    this.#weight = weights.vector("weight");
    this.#column = column;
    this.#numGroups = width / weights.rowsOf("weight");
    this.#eps = eps;
  }

  /** Norms the columns of x [rows, cols]. */
  forward(x: TensorId): void {
    ops.groupNorm(this.#context, x, this.#weight, this.#column, this.#numGroups, this.#eps);
  }
}

/** Token embeddings; `weight` may serve as LM head too. */
export class Embedding {
  readonly #context: Context;
  readonly weight: WeightId;

  constructor(context: Context, weights: Weights, name: string) {
    this.#context = context;
    this.weight = weights.matrix(name);
  }

  /** out [rows, hidden]: the embedding of each token of the batch */
  forward(out: TensorId, batch: BatchId): void {
    ops.embedding(this.#context, out, batch, this.weight);
  }
}
