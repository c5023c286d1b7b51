/**
 * When to look whether more drafts would pay: a probe drafts and verifies more than what pays by all that is known.
 *
 * @module
 */

/** Share of the time that may go into probes where drafts pay, and where none do. */
const SHARE = 0.01, IDLE_SHARE = 0.005;
/** Steps between two of them. */
const MIN_WAIT = 8, MAX_WAIT = 1024;

/** Probes so far. */
export interface Probing {
  /** Steps since the last one. */
  numSince: number;
  /** Steps that must pass after it, by what it took. */
  leastWait: number;
}

/** A probe that is or was to be made. */
export interface Probe {
  /** Whether no drafts pay. */
  readonly isIdle: boolean;
  /** Time that it takes beyond that of a plain step, and that of the plain step. */
  readonly probeMs: number;
  readonly plainMs: number;
}

/** None so far. */
export function createProbing(): Probing {
  return { numSince: 0, leastWait: 0 };
}

/** Counts a step; says whether it may be a probe. */
export function isProbeDue(probing: Probing, probe: Probe): boolean {
  return ++probing.numSince >= Math.max(probing.leastWait, waitAfter(probe));
}

/** Learns from what a probe did take. */
export function observeProbe(probing: Probing, probe: Probe): void {
  probing.leastWait = probe.isIdle ? waitAfter(probe) : 0;
}

function waitAfter({ isIdle, probeMs, plainMs }: Probe): number {
  const wait = Math.ceil(probeMs / Math.max(plainMs, 1e-9) / (isIdle ? IDLE_SHARE : SHARE));
  return Math.min(MAX_WAIT, Math.max(MIN_WAIT, wait));
}
