/**
 * Reserve: the pages that admission keeps free for the running sequences to grow into (SGLang's `new_token_ratio`). Few
 * requests use all the tokens they may, so only a share of them is kept free.
 *
 * @module
 */

/** Share of the tokens still to come that is kept free at first, and after a preemption, at a conservativeness of 1. */
const MAX_RESERVE = 0.7;
/** What that share sinks to. */
const MIN_RESERVE = 0.1;
/** Steps in which it sinks. */
const RESERVE_STEPS = 600;

/** The share, and how it changes. */
export interface Reserve {
  /** Share of the tokens still to come for which pages are kept free. */
  ratio: number;
  readonly max: number;
  readonly min: number;
  /** By which it sinks in a step. */
  readonly decay: number;
}

/** Initial state. No more can be kept free than all that is to come, however conservative. */
export function createReserve(conservativeness: number): Reserve {
  const max = Math.min(1, conservativeness * MAX_RESERVE), min = max * MIN_RESERVE / MAX_RESERVE;
  return { ratio: max, max, min, decay: (max - min) / RESERVE_STEPS };
}

/** A step went well. */
export function lowerReserve(reserve: Reserve): void {
  reserve.ratio = Math.max(reserve.min, reserve.ratio - reserve.decay);
}

/** The pool was too full. */
export function restoreReserve(reserve: Reserve): void {
  reserve.ratio = reserve.max;
}
