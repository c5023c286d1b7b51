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

/** What the gate passes through: SwiGLU and GEGLU of Shazeer 2020, the latter with gelu's tanh approximation. */
export type Activation = "silu" | "gelu_tanh";

const GATED = { silu: ops.siluMul, "gelu_tanh": ops.geluMul } as const;

/** Gated MLP (Shazeer 2020); its first two projections may be one in the checkpoint. */
export class GatedMlp implements Mlp {
  readonly #context: Context;
  readonly #activation: Activation;
  readonly gateUpProj: Linear;
  readonly downProj: Linear;

  constructor(context: Context, weights: Weights, activation: Activation = "silu") {
    const isFused = weights.has("gate_up_proj.weight");
    this.#context = context;
    this.#activation = activation;
    this.gateUpProj = new Linear(
      context,
      weights,
      ...(isFused ? ["gate_up_proj"] : ["gate_proj", "up_proj"]),
    );
    this.downProj = new Linear(context, weights, "down_proj");
  }

  /** out = down_proj(activation(gate_proj(x)) * up_proj(x)) (+ residual) */
  forward({ x, out, residual }: BranchTensors, { gateUp, gated }: Activations): void {
    this.gateUpProj.forward(gateUp, x);
    GATED[this.#activation](this.#context, gated, gateUp);
    this.downProj.forward(out, gated, residual);
  }
}
