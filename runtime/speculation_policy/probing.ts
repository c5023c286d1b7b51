/**
 * Probing (exploration): now and then more is drafted and verified than pays by all that is known, to learn whether it
 * would pay by now.
 *
 * @module
 */

/** Share of the time that may go into probes while drafts pay: what they can win is a few percent. */
const PROBE_SHARE = 0.01;
/** Share of the time that may go into probes while no drafts pay: most workloads without good drafts stay so. */
const IDLE_PROBE_SHARE = 0.005;
/** Steps between two probes at least: one is judged before the next. */
const MIN_PROBE_WAIT = 8;
/** Steps between two probes at most: texts change, however expensive probes are. */
const MAX_PROBE_WAIT = 1024;

/** Probes so far. */
export interface Probing {
  /** Steps since the last one. */
  numSince: number;
  /** Steps that must pass after it, by what it took. */
  minWait: number;
}

/** What a probe takes. */
export interface Probe {
  /** Whether no drafts pay. */
  readonly isIdle: boolean;
  /** Time beyond that of the step as it would be without it. */
  readonly probeMs: number;
  /** Time of a plain step, in the same unit. */
  readonly plainMs: number;
}

/** Initial state, before the first probe. */
export function createProbing(): Probing {
  return { numSince: 0, minWait: 0 };
}

/** Whether the next step may be a probe. */
export function isDue({ numSince, minWait }: Probing, probe: Probe): boolean {
  return numSince + 1 >= Math.max(minWait, waitAfter(probe));
}

/** Learns from what a probe did take. */
export function observeProbe(probing: Probing, probe: Probe): void {
  probing.minWait = probe.isIdle ? waitAfter(probe) : 0;
}

function waitAfter({ isIdle, probeMs, plainMs }: Probe): number {
  const wait = Math.ceil(probeMs / Math.max(plainMs, 1e-9) / (isIdle ? IDLE_PROBE_SHARE : PROBE_SHARE));
  return Math.min(MAX_PROBE_WAIT, Math.max(MIN_PROBE_WAIT, wait));
}
