/**
 * Residual branch: what stands around attention and around an MLP, norms and the sum with the residual stream.
 *
 * @module
 */
import type { Context } from "../../ffi/context.ts";
import * as ops from "../../ffi/ops.ts";
import type { Activations, BranchTensors } from "./activations.ts";
import { RmsNorm } from "./layers.ts";
import type { ModelParts } from "./parts.ts";
import type { Weights } from "./weights.ts";

/** Computes hidden += residualScale * after(f(before(hidden))), with those of the two norms that there are. */
export class ResidualBranch {
  readonly #context: Context;
  readonly #before: RmsNorm | undefined;
  readonly #after: RmsNorm | undefined;
  readonly #scale: number;

  constructor(
    { context, config: { rmsNormEps, residualScale = 1 } }: ModelParts,
    weights: Weights,
    names: { readonly before?: string; readonly after?: string },
  ) {
    const norm = (name: string | undefined) =>
      name === undefined ? undefined : new RmsNorm(context, weights.at(name), rmsNormEps);
    this.#context = context;
    this.#before = norm(names.before);
    this.#after = norm(names.after);
    this.#scale = residualScale;
  }

  /** Updates `hidden` by what `f` computes of it. */
  forward({ hidden, normed }: Activations, f: (tensors: BranchTensors) => void): void {
    this.#before?.forward(normed, hidden);
    const x = this.#before ? normed : hidden;
    if (this.#after === undefined && this.#scale === 1) return f({ x, out: hidden, residual: hidden });
    f({ x, out: normed });
    this.#after?.forward(normed, normed);
    ops.add(this.#context, hidden, hidden, normed, this.#scale);
  }
}
