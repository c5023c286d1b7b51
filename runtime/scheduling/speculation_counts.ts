/**
 * Counts of draft tokens, of one sequence or of all.
 *
 * @module
 */
import type { SpeculationUsage } from "../messages.ts";

/** Counts in the making; see `SpeculationUsage`. */
export interface SpeculationCounts extends SpeculationUsage {
  numVerifications: number;
  numProposed: number;
  numAccepted: number;
  acceptedHistogram: number[];
}

/** Nothing counted yet. */
export function zeroCounts(): SpeculationCounts {
  return { numVerifications: 0, numProposed: 0, numAccepted: 0, acceptedHistogram: [] };
}

/** Adds a verification. */
export function countVerification(counts: SpeculationCounts, numProposed: number, numAccepted: number): void {
  counts.numVerifications++;
  counts.numProposed += numProposed;
  counts.numAccepted += numAccepted;
  while (counts.acceptedHistogram.length <= numAccepted) counts.acceptedHistogram.push(0);
  counts.acceptedHistogram[numAccepted]!++;
}

/** The counts as they are now. */
export function copyCounts(counts: SpeculationUsage): SpeculationUsage {
  const { numVerifications, numProposed, numAccepted } = counts;
  return { numVerifications, numProposed, numAccepted, acceptedHistogram: [...counts.acceptedHistogram] };
}

/** What was added to `usage` since it was `before`; the histogram is not split. */
export function usageSince(usage: SpeculationUsage, before: SpeculationUsage): SpeculationUsage {
  return {
    numVerifications: usage.numVerifications - before.numVerifications,
    numProposed: usage.numProposed - before.numProposed,
    numAccepted: usage.numAccepted - before.numAccepted,
    acceptedHistogram: [],
  };
}

/** Tokens per verification, the one that was not drafted included. */
export function acceptLength({ numVerifications, numAccepted }: SpeculationUsage): number {
  return numVerifications === 0 ? 1 : 1 + numAccepted / numVerifications;
}
