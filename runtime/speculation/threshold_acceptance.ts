/**
 * Threshold acceptance, the lossy rule of SGLang's `--speculative-accept-threshold-single` and `-acc` (the kernel
 * `TreeSpeculativeSamplingTargetOnly` of its `speculative_sampling.cuh`): a draft is accepted if its probability is at
 * least `single`, or if a uniform number is at most the probability of the drafts so far divided by `acc`. Below 1 the
 * output no longer follows the target's distribution.
 *
 * @module
 */
import type { SamplingParams } from "../contracts/sampling_params.ts";
import type { AcceptThresholds } from "../contracts/speculation_config.ts";

/** A drafted child of a node, with the target's probability of its token. */
export interface Child {
  readonly token: number;
  /** Probability by the target, after the filters. */
  readonly probability: number;
}

/**
 * Probabilities of the tokens that `top_k`, `top_p` and `min_p` leave, which is what SGLang's thresholds are held
 * against, of a list of the most probable ones. Where the list ends before the filters do, the mass they keep is
 * taken for `top_p`, so that no token is thought more probable than it is.
 *
 * @param top tokens and logprobs before the filters, descending
 */
export function filteredProbabilities(
  top: readonly (readonly [token: number, logprob: number])[],
  { topK, topP, minP }: Pick<SamplingParams, "topK" | "topP" | "minP">,
): ReadonlyMap<number, number> {
  const kept = new Map<number, number>(), least = minP * Math.exp(top[0]?.[1] ?? 0);
  let mass = 0;
  for (const [token, logprob] of top) {
    const probability = Math.exp(logprob);
    if (probability < least || (topK > 0 && kept.size === topK) || mass > topP) break;
    kept.set(token, probability);
    mass += probability;
  }
  const total = kept.size < top.length ? mass : Math.max(mass, topP);
  return new Map(Array.from(kept, ([token, probability]) => [token, probability / total]));
}

/**
 * The token to go on with at a node where `drawn` was drawn: a child of at least `single`'s probability, or the most
 * probable child as often as raises the children's acceptance to their probability divided by `acc`. With both
 * thresholds 1 that is always `drawn`.
 *
 * @param uniform a number in [0, 1) that is independent of the draw
 */
export function acceptByThreshold(
  drawn: number,
  children: readonly Child[],
  { single, acc }: AcceptThresholds,
  uniform: number,
): number {
  if (children.some(({ token }) => token === drawn)) return drawn;
  const sure = children.find(({ probability }) => single < 1 && probability >= single);
  if (sure !== undefined) return sure.token;
  const best = children.reduce<Child | undefined>(
    (best, child) => best === undefined || child.probability > best.probability ? child : best,
    undefined,
  );
  const total = children.reduce((sum, { probability }) => sum + probability, 0);
  const raised = Math.min(1, total / acc);
  return best !== undefined && uniform * (1 - total) < raised - total ? best.token : drawn;
}

/** A number in [0, 1) that depends on a 32-bit seed and position alone, and not as the native draw does. */
export function uniformOf(seed: number, position: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(position + 1, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}
