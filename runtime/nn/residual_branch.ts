/**
 * Residual branch: what stands around attention and around an MLP, their norm and the sum with the residual stream.
 *
 * @module
 */
import type { Activations, BranchTensors } from "./activations.ts";
import { RmsNorm } from "./layers.ts";
import type { ModelParts } from "./parts.ts";
import type { Weights } from "./weights.ts";

/** Computes hidden += f(before(hidden)), with the norm that there may be. */
export class ResidualBranch {
  readonly #before: RmsNorm | undefined;

  constructor({ context, config }: ModelParts, weights: Weights, before: string | undefined) {
    this.#before = before === undefined
      ? undefined
      : new RmsNorm(context, weights.at(before), config.rmsNormEps);
  }

  /** Updates `hidden` by what `f` computes of it. */
  forward({ hidden, normed }: Activations, f: (tensors: BranchTensors) => void): void {
    this.#before?.forward(normed, hidden);
    f({ x: this.#before ? normed : hidden, out: hidden, residual: hidden });
  }
}
