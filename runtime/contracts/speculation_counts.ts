/**
 * Counts of draft tokens, of one sequence or of all.
 *
 * @module
 */
import { depthsOf, type DraftTree } from "./draft_tree.ts";
import type { SpeculationUsage } from "./usage.ts";

/** Counts in the making; see `SpeculationUsage`. */
export interface SpeculationCounts extends SpeculationUsage {
  numVerifications: number;
  numProposed: number;
  numAccepted: number;
  proposedHistogram: number[];
  acceptedHistogram: number[];
}

/** Nothing counted yet. */
export function zeroCounts(): SpeculationCounts {
  return {
    numVerifications: 0,
    numProposed: 0,
    numAccepted: 0,
    proposedHistogram: [],
    acceptedHistogram: [],
  };
}

/** Adds a verification of a tree with `proposed[n]` nodes at depth n + 1. */
export function countVerification(
  counts: SpeculationCounts,
  proposed: readonly number[],
  numAccepted: number,
): void {
  counts.numVerifications++;
  counts.numAccepted += numAccepted;
  proposed.forEach((numNodes, n) => {
    counts.numProposed += numNodes;
    counts.proposedHistogram[n] = (counts.proposedHistogram[n] ?? 0) + numNodes;
  });
  while (counts.acceptedHistogram.length <= numAccepted) counts.acceptedHistogram.push(0);
  counts.acceptedHistogram[numAccepted]!++;
}

/** Nodes of a tree at depth 1, 2, ... */
export function nodesByDepth({ parents }: DraftTree): number[] {
  const nodes: number[] = [];
  for (const depth of depthsOf(parents)) nodes[depth - 1] = (nodes[depth - 1] ?? 0) + 1;
  return nodes;
}

/** The counts as they are now. */
export function copyCounts(counts: SpeculationUsage): SpeculationUsage {
  const { proposedHistogram, acceptedHistogram } = counts;
  return { ...counts, proposedHistogram: [...proposedHistogram], acceptedHistogram: [...acceptedHistogram] };
}

/** What was added to `usage` since it was `before`; the histograms are not split. */
export function usageSince(usage: SpeculationUsage, before: SpeculationUsage): SpeculationUsage {
  return {
    numVerifications: usage.numVerifications - before.numVerifications,
    numProposed: usage.numProposed - before.numProposed,
    numAccepted: usage.numAccepted - before.numAccepted,
    proposedHistogram: [],
    acceptedHistogram: [],
  };
}
