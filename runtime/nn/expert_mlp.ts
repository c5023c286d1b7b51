/**
 * Mixture of experts in place of the MLP of a layer.
 *
 * @module
 */
import type { Context } from "../../ffi/context.ts";
import type { WeightId } from "../../ffi/handles.ts";
import * as ops from "../../ffi/ops.ts";
import type { ExpertConfig } from "../contracts/checkpoint.ts";
import type { Activations, BranchTensors } from "./activations.ts";
import type { Mlp } from "./gated_mlp.ts";
import { Linear } from "./layers.ts";
import type { ModelParts } from "./parts.ts";
import type { Weights } from "./weights.ts";

/** Gated MLPs of which each row goes through the few that a router chooses (Shazeer et al. 2017). */
export class ExpertMlp implements Mlp {
  readonly #context: Context;
  readonly #config: ExpertConfig;
  /** The router. */
  readonly gate: Linear;
  /** Gate projections of all experts, then up projections: [2 * count * intermediateSize, hiddenSize]. */
  readonly gateUpProj: WeightId;
  /** [count * hiddenSize, intermediateSize] */
  readonly downProj: WeightId;

  /** @param names of an expert's gate, up and down projection */
  constructor({ context, config }: ModelParts, weights: Weights, names: readonly [string, string, string]) {
    const { count } = config.experts!, [gate, up, down] = names;
    this.#context = context;
    this.#config = config.experts!;
    this.gate = new Linear(context, weights, "gate");
    this.gateUpProj = weights.experts(count, gate, up);
    this.downProj = weights.experts(count, down);
  }

  /** out = sum over a row's experts of weight * down_proj(silu(gate_proj(x)) * up_proj(x)) (+ residual) */
  forward({ x, out, residual }: BranchTensors, { experts, normed }: Activations): void {
    const { logits, routing, gateUp, gated, projected } = experts!, context = this.#context;
    const { perRow, normalise } = this.#config;
    this.gate.forward(logits, x);
    ops.route(context, routing, logits, perRow, normalise);
    ops.expertLinear(context, gateUp, x, this.gateUpProj, routing, 2);
    ops.siluMul(context, gated, gateUp);
    ops.expertLinear(context, projected, gated, this.downProj, routing, 1);
    if (residual === undefined) return ops.expertSum(context, out, projected, routing);
    ops.expertSum(context, normed, projected, routing);
    ops.add(context, out, residual, normed, 1);
  }
}
