/**
 * Feed-forward half of a decoder layer.
 *
 * @module
 */
import type { Context } from "../../ffi/context.ts";
import * as ops from "../../ffi/ops.ts";
import type { Activations, BranchTensors } from "./activations.ts";
import { Linear } from "./layers.ts";
import type { Weights } from "./weights.ts";

/** What stands behind attention in a layer. */
export interface Mlp {
  /** out = mlp(x) (+ residual) */
  forward(tensors: BranchTensors, activations: Activations): void;
}

/** Gated MLP (SwiGLU, Shazeer 2020). */
export class GatedMlp implements Mlp {
  readonly #context: Context;
  readonly gateUpProj: Linear;
  readonly downProj: Linear;

  constructor(context: Context, weights: Weights) {
    this.#context = context;
    this.gateUpProj = new Linear(context, weights, "gate_proj", "up_proj");
    this.downProj = new Linear(context, weights, "down_proj");
  }

  /** out = down_proj(silu(gate_proj(x)) * up_proj(x)) (+ residual) */
  forward({ x, out, residual }: BranchTensors, { gateUp, gated }: Activations): void {
    this.gateUpProj.forward(gateUp, x);
    ops.siluMul(this.#context, gated, gateUp);
    this.downProj.forward(out, gated, residual);
  }
}
