/**
 * Acceptance statistics, learnt from every verification: how often drafts are accepted by the probability that the drafter
 * gave them, how deep trees are accepted, how many nodes they have.
 *
 * @module
 */
import { depthsOf, type DraftTree } from "../contracts/draft_tree.ts";
import type { VerifiedDraft } from "../contracts/draft_policy.ts";

/** Bins of the drafter's probability, equal in its square root: the unlikely drafts, which matter least, share few. */
const NUM_BINS = 16;
/** Observations that an estimate from before counts as: a few verifications are enough to correct it. */
const PRIOR_WEIGHT = 4;
/** Observations that a bin remembers at most: texts change. */
const MAX_BIN_WEIGHT = 256;
/** Share of drafts accepted at depth 1 before any verification: optimistic, so that drafts are tried. */
const PRIOR_RATE = 0.7;
/** Verifications that the averages by depth remember at most: acceptance differs from text to text. */
const DEPTH_MEMORY = 64;
/** Verifications that estimates of another load count as at most: loads differ, and experience is to replace them. */
const INHERITED_WEIGHT = 16;
/** Verifications that estimates count as after a time without drafts, at most: single probes must weigh against them. */
const AGED_WEIGHT = 8;
/** Bonus on a rate that was never observed; after n observations it is this over the root of 1 + n: bad luck must not disable a depth. */
const CONFIDENCE_BONUS = 0.2;

/** Decaying sums over trees in which a node of depth d was accepted (d = 0: all trees). */
export interface DepthStatistics {
  /** Verifications. */
  readonly seen: Float64Array;
  /** Verifications that also accepted a node of depth d + 1. */
  readonly accepted: Float64Array;
  /** Moving average of the nodes of depth d + 1 in a tree. */
  readonly numNodes: Float64Array;
}

/** Acceptance statistics in decaying counters. `expect` and `calibrate` are queries. */
export class Acceptance {
  /** By bin of the drafter's probability. */
  readonly bins: { readonly seen: Float64Array; readonly accepted: Float64Array };
  /** By load, since a busy machine verifies other trees than an idle one: entry n is for 2^n sequences and more. */
  readonly depths: DepthStatistics[] = [];
  readonly #maxDepth: number;

  /** For trees of up to `maxDepth` levels. */
  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
    this.bins = { seen: new Float64Array(NUM_BINS), accepted: new Float64Array(NUM_BINS) };
  }

  /**
   * Optimistic estimate (upper confidence bound) of accepted drafts per verification, and nodes per tree, for trees of
   * `numLevels`: rarely observed depths get a bonus, so that bad luck does not disable them.
   */
  expect(
    numLevels: number,
    numSequences: number,
  ): { readonly accepted: number; readonly nodes: number } {
    const depths = this.#depthsAt(numSequences);
    let accepted = 0, nodes = 0, reached = 1, rate = PRIOR_RATE;
    for (let d = 0; d < numLevels; d++) {
      const seen = depths.seen[d]!;
      // The prior of a depth is the estimate of the one above.
      rate = (depths.accepted[d]! + PRIOR_WEIGHT * rate) / (seen + PRIOR_WEIGHT);
      reached *= Math.min(1, rate + CONFIDENCE_BONUS / Math.sqrt(1 + seen));
      accepted += reached;
      nodes += depths.numNodes[d]!;
    }
    return { accepted, nodes };
  }

  /**
   * Calibrated probability that each node is accepted: the drafter's, corrected by the observed rate of its bin; at
   * most its parent's.
   */
  calibrate(tree: DraftTree): Float64Array {
    const calibrated = new Float64Array(tree.parents.length), { seen, accepted } = this.bins;
    tree.parents.forEach((parent, node) => {
      const stated = statedProbability(tree, node), bin = binOf(stated);
      const rate = (accepted[bin]! + PRIOR_WEIGHT * stated) / (seen[bin]! + PRIOR_WEIGHT);
      calibrated[node] = rate * (parent < 0 ? 1 : calibrated[parent]!);
    });
    return calibrated;
  }

  /** Observes a verification. */
  observe({ tree, numLevels, numDecoding, accepted }: Omit<VerifiedDraft, "isSampled">): void {
    const { bins } = this, depths = depthsOf(tree.parents);
    tree.parents.forEach((parent, node) => {
      if (parent >= 0 && !accepted.includes(parent)) return;
      const bin = binOf(statedProbability(tree, node));
      const kept = Math.min(1, MAX_BIN_WEIGHT / (bins.seen[bin]! + 1));
      bins.seen[bin] = kept * (bins.seen[bin]! + 1);
      bins.accepted[bin] = kept * (bins.accepted[bin]! + Number(accepted.includes(node)));
    });
    const known = this.remember(numDecoding), numNodes = new Float64Array(numLevels);
    for (const depth of depths) numNodes[depth - 1]!++;
    for (let d = 0; d < numLevels; d++) {
      known.numNodes[d]! += (numNodes[d]! - known.numNodes[d]!) / Math.min(DEPTH_MEMORY, 1 + known.seen[0]!);
      if (accepted.length < d) continue;
      const kept = Math.min(1, DEPTH_MEMORY / (known.seen[d]! + 1));
      known.seen[d] = kept * (known.seen[d]! + 1);
      known.accepted[d] = kept * (known.accepted[d]! + Number(accepted.length > d));
    }
  }

  /**
   * Ages the statistics of a load. While nothing is drafted the texts change, and single probes would weigh too little
   * against old observations.
   */
  age(numSequences: number): void {
    for (const { seen, accepted } of [this.bins, this.remember(numSequences)]) {
      seen.forEach((weight, i) => {
        const kept = Math.min(1, AGED_WEIGHT / Math.max(1, weight));
        seen[i]! *= kept;
        accepted[i]! *= kept;
      });
    }
  }

  /** Statistics of a load, created from those of the nearest load where it has none of its own. */
  remember(numSequences: number): DepthStatistics {
    return this.depths[loadOf(numSequences)] ??= this.#depthsAt(numSequences);
  }

  /** Statistics of a load; without any, those of the nearest load at a reduced weight. */
  #depthsAt(numSequences: number): DepthStatistics {
    const load = loadOf(numSequences), own = this.depths[load];
    if (own !== undefined) return own;
    const nearest = Object.keys(this.depths).map(Number)
      .sort((a, b) => Math.abs(a - load) - Math.abs(b - load))[0];
    if (nearest === undefined) {
      return {
        seen: new Float64Array(this.#maxDepth),
        accepted: new Float64Array(this.#maxDepth),
        numNodes: new Float64Array(this.#maxDepth).fill(1),
      };
    }
    const { seen, accepted, numNodes } = this.depths[nearest]!;
    return {
      seen: seen.map((weight) => Math.min(weight, INHERITED_WEIGHT)),
      accepted: accepted.map((sum, depth) => sum * Math.min(1, INHERITED_WEIGHT / Math.max(1, seen[depth]!))),
      numNodes: numNodes.slice(),
    };
  }
}

function loadOf(numSequences: number): number {
  return Math.floor(Math.log2(Math.max(1, numSequences)));
}

/** The drafter's probability of a node given that its parent is accepted. */
function statedProbability({ parents, probabilities }: DraftTree, node: number): number {
  const parent = parents[node]!;
  return parent < 0
    ? probabilities[node]!
    : Math.min(1, probabilities[node]! / Math.max(probabilities[parent]!, 1e-30));
}

function binOf(probability: number): number {
  return Math.min(NUM_BINS - 1, Math.max(0, Math.floor(NUM_BINS * Math.sqrt(probability))));
}
