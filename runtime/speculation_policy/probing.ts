/**
 * Probing (exploration): now and then a step drafts and verifies more than is estimated to pay, to observe whether it
 * would.
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

/** State of probing between two probes. */
export interface Probing {
  /** Steps since the last one. */
  numSince: number;
  /** Steps before the next probe at least, by the time that the last one took. */
  minWait: number;
}

/** Cost of a probe. */
export interface Probe {
  /** Whether no drafts pay. */
  readonly isIdle: boolean;
  /** Extra time of the step over the same step without the probe. */
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

/** Observes the time that a probe took, which sets the wait before the next. */
export function observeProbe(probing: Probing, probe: Probe): void {
  probing.minWait = probe.isIdle ? waitAfter(probe) : 0;
}

function waitAfter({ isIdle, probeMs, plainMs }: Probe): number {
  const wait = Math.ceil(probeMs / Math.max(plainMs, 1e-9) / (isIdle ? IDLE_PROBE_SHARE : PROBE_SHARE));
  return Math.min(MAX_PROBE_WAIT, Math.max(MIN_PROBE_WAIT, wait));
}
