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

/** What a probe takes. */
export interface Probe {
  /** Whether no drafts pay. */
  readonly isIdle: boolean;
  /** Time beyond that of the step as it would be without it. */
  readonly probeMs: number;
  /** Time of a plain step. */
  readonly plainMs: number;
}

/** Before the first probe. */
export function createProbing(): Probing {
  return { numSince: 0, leastWait: 0 };
}

/** Counts a step, and says whether it may be a probe. */
export function countStep(probing: Probing, probe: Probe): boolean {
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
