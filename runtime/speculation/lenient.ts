/**
 * SGLang's lossy acceptance: drafts are accepted more often than the model would have said them.
 *
 * @module
 */
import type { AcceptThresholds } from "../speculation_config.ts";

/** A draft at a node, with the model's probability for it. */
export interface Child {
  readonly token: number;
  readonly probability: number;
}

/**
 * The token to go on with at a node where `drawn` was drawn: a child of at least `single`'s probability, or the most
 * probable child as often as raises the children's acceptance to their probability divided by `acc`. With both
 * thresholds 1 that is always `drawn`.
 *
 * @param coin a number in [0, 1) that is independent of the draw
 */
export function chooseLeniently(
  drawn: number,
  children: readonly Child[],
  { single, acc }: AcceptThresholds,
  coin: number,
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
  return best !== undefined && coin * (1 - total) < raised - total ? best.token : drawn;
}

/** A number in [0, 1) that depends on seed and position alone, and not as the native draw does. */
export function coinOf(seed: number, position: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(position + 1, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}
