/**
 * Reserve: the pages that admission keeps free for the running sequences to grow into (SGLang's `new_token_ratio`). Few
 * requests use all the tokens they may, so only a share of them is kept free.
 *
 * @module
 */

/** Share of the tokens still to come that is kept free at first, and after a preemption, at a conservativeness of 1. */
const MAX_RESERVE = 0.7;
/** Smallest share. */
const MIN_RESERVE = 0.1;
/** Steps in which the share sinks from the largest to the smallest. */
const RESERVE_STEPS = 600;

/** Reserve ratio and its decay. */
export interface Reserve {
  /** Share of the tokens still to come for which pages are kept free. */
  ratio: number;
  readonly max: number;
  readonly min: number;
  /** Decrease of the ratio per step. */
  readonly decay: number;
}

/** Initial state. No more can be kept free than all that is to come, however conservative. */
export function createReserve(conservativeness: number): Reserve {
  const max = Math.min(1, conservativeness * MAX_RESERVE), min = max * MIN_RESERVE / MAX_RESERVE;
  return { ratio: max, max, min, decay: (max - min) / RESERVE_STEPS };
}

/** Lowers the ratio after a step without preemption. */
export function lowerReserve(reserve: Reserve): void {
  reserve.ratio = Math.max(reserve.min, reserve.ratio - reserve.decay);
}

/** Restores the ratio after a preemption. */
export function restoreReserve(reserve: Reserve): void {
  reserve.ratio = reserve.max;
}
