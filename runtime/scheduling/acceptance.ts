/**
 * What is known of drafts by experience: how often those are accepted that the drafter gave some probability after their
 * parents, how deep trees are accepted, how many nodes they have. Learns from every verification.
 *
 * @module
 */
import type { DraftTree } from "../messages.ts";
import { acceptPath, depthsOf } from "../speculation/draft_tree.ts";

/** Bins of the drafter's probability, equal in its square root: drafts that matter least share few. */
const NUM_BINS = 16;
/** Observations that the drafter's own word counts as, and that are remembered at most. */
const PRIOR_WEIGHT = 4, MAX_WEIGHT = 256;
/** Acceptance by depth before any verification: optimistic, so that it is tried. */
const PRIOR_RATE = 0.7;
/** Weight of the newest verification in the averages by depth. */
const NEWEST_WEIGHT = 1 / 32;
/** What an average of one verification may be too low by; of n, by the square root of n less. */
const DOUBT = 0.3, MAX_CERTAINTY = 256;

/** Moving averages; entry d: share of verifications that accepted a node of depth d + 1, and nodes of that depth. */
interface DepthExperience {
  readonly reached: Float64Array;
  readonly numNodes: Float64Array;
  /** Verifications so far. */
  readonly numSeen: Float64Array;
}

/** Counters that forget slowly. */
export class Acceptance {
  readonly #seen = new Float64Array(NUM_BINS);
  readonly #accepted = new Float64Array(NUM_BINS);
  readonly #maxDepth: number;
  /** By load, since a busy machine verifies other trees than an idle one: entry n is for 2^n sequences and more. */
  readonly #depths: DepthExperience[] = [];

  /** For trees of up to `maxDepth` levels. */
  constructor(maxDepth: number) {
    this.#maxDepth = maxDepth;
  }

  /**
   * Accepted drafts per verification and nodes per tree to be hoped for of trees of `numLevels`: little experience counts
   * in favour, so that drafts are not given up for bad luck.
   */
  expect(
    numLevels: number,
    numSequences: number,
  ): { readonly accepted: number; readonly nodes: number } {
    const { reached, numNodes, numSeen } = this.#depthsAt(numSequences);
    let accepted = 0, nodes = 0;
    for (let d = 0; d < numLevels; d++) {
      accepted += Math.min(1, reached[d]! + DOUBT / Math.sqrt(1 + Math.min(numSeen[d]!, MAX_CERTAINTY)));
      nodes += numNodes[d]!;
    }
    return { accepted, nodes };
  }

  /** Probabilities of the nodes in the light of experience; no node's exceeds its parent's. */
  calibrate(tree: DraftTree): Float64Array {
    const calibrated = new Float64Array(tree.parents.length);
    tree.parents.forEach((parent, node) => {
      const said = saidOf(tree, node), bin = binOf(said);
      const rate = (this.#accepted[bin]! + PRIOR_WEIGHT * said) / (this.#seen[bin]! + PRIOR_WEIGHT);
      calibrated[node] = rate * (parent < 0 ? 1 : calibrated[parent]!);
    });
    return calibrated;
  }

  /** Takes note that `tokens` were drawn where `tree`, of up to `numLevels`, was verified beside others. */
  observe(
    { tree, numLevels, numSequences }: {
      readonly tree: DraftTree;
      readonly numLevels: number;
      readonly numSequences: number;
    },
    tokens: Int32Array,
  ): void {
    const depths = depthsOf(tree.parents);
    const path = acceptPath(tree, (node) => tokens[node < 0 ? 0 : depths[node]!] ?? -1);
    tree.parents.forEach((parent, node) => {
      if (parent >= 0 && !path.includes(parent)) return;
      const bin = binOf(saidOf(tree, node)), forget = Math.min(1, MAX_WEIGHT / (this.#seen[bin]! + 1));
      this.#seen[bin] = forget * (this.#seen[bin]! + 1);
      this.#accepted[bin] = forget * (this.#accepted[bin]! + Number(path.includes(node)));
    });
    const known = this.#depthsAt(numSequences), numNodes = new Float64Array(numLevels);
    for (const depth of depths) numNodes[depth - 1]!++;
    for (let d = 0; d < numLevels; d++) {
      const weight = Math.max(NEWEST_WEIGHT, 1 / (++known.numSeen[d]! + 1));
      known.reached[d]! += weight * (Number(path.length > d) - known.reached[d]!);
      known.numNodes[d]! += weight * (numNodes[d]! - known.numNodes[d]!);
    }
  }

  #depthsAt(numSequences: number): DepthExperience {
    return this.#depths[Math.floor(Math.log2(Math.max(1, numSequences)))] ??= {
      reached: Float64Array.from({ length: this.#maxDepth }, (_, d) => PRIOR_RATE ** (d + 1)),
      numNodes: new Float64Array(this.#maxDepth).fill(1),
      numSeen: new Float64Array(this.#maxDepth),
    };
  }
}

/** What the drafter says of a node given that its parent is accepted. */
function saidOf({ parents, probabilities }: DraftTree, node: number): number {
  const parent = parents[node]!;
  return parent < 0
    ? probabilities[node]!
    : Math.min(1, probabilities[node]! / Math.max(probabilities[parent]!, 1e-30));
}

function binOf(probability: number): number {
  return Math.min(NUM_BINS - 1, Math.max(0, Math.floor(NUM_BINS * Math.sqrt(probability))));
}
