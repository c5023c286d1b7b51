/**
 * What is known of drafts by experience: how often those are accepted that the drafter gave some probability after their
 * parents, how deep trees are accepted, how many nodes they have. Learns from every verification.
 *
 * @module
 */
import { acceptPath, depthsOf, type DraftTree } from "../contracts/draft_tree.ts";

/** Bins of the drafter's probability, equal in its square root: drafts that matter least share few. */
const NUM_BINS = 16;
/** Observations that the drafter's own word counts as, and that are remembered at most. */
const PRIOR_WEIGHT = 4, MAX_WEIGHT = 256;
/** Acceptance of a draft whose parent is accepted, before any verification: optimistic, so that it is tried. */
const PRIOR_RATE = 0.7;
/** Verifications that the averages by depth remember. */
const DEPTH_MEMORY = 64;
/** Verifications that the experience of another load counts as. */
const INHERITED_WEIGHT = 16;
/** Verifications that experience counts as where it may be out of date. */
const AGED_WEIGHT = 8;
/** What a rate seen once may be too low by; seen n times, by the square root of n less. */
const DOUBT = 0.2;

/** Of trees in which a node of depth d was accepted (d = 0: all), sums that forget. */
interface DepthExperience {
  /** Verifications. */
  readonly seen: Float64Array;
  /** Those that accepted a node of depth d + 1 too. */
  readonly accepted: Float64Array;
  /** Moving average of the nodes of depth d + 1 in a tree. */
  readonly numNodes: Float64Array;
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
    const depths = this.#depthsAt(numSequences);
    let accepted = 0, nodes = 0, reached = 1, rate = PRIOR_RATE;
    for (let d = 0; d < numLevels; d++) {
      const seen = depths.seen[d]!;
      // Where a depth is little known, the one above speaks for it.
      rate = (depths.accepted[d]! + PRIOR_WEIGHT * rate) / (seen + PRIOR_WEIGHT);
      reached *= Math.min(1, rate + DOUBT / Math.sqrt(1 + seen));
      accepted += reached;
      nodes += depths.numNodes[d]!;
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
      known.numNodes[d]! += (numNodes[d]! - known.numNodes[d]!) / Math.min(DEPTH_MEMORY, 1 + known.seen[0]!);
      if (path.length < d) continue;
      const forget = Math.min(1, DEPTH_MEMORY / (known.seen[d]! + 1));
      known.seen[d] = forget * (known.seen[d]! + 1);
      known.accepted[d] = forget * (known.accepted[d]! + Number(path.length > d));
    }
  }

  /**
   * Takes what is known of such a load for out of date: while nothing is drafted the texts change, and single probes would
   * be too few to speak against all that came before.
   */
  age(numSequences: number): void {
    const byProbability = { seen: this.#seen, accepted: this.#accepted };
    for (const { seen, accepted } of [byProbability, this.#depthsAt(numSequences)]) {
      seen.forEach((weight, i) => {
        const kept = Math.min(1, AGED_WEIGHT / Math.max(1, weight));
        seen[i]! *= kept;
        accepted[i]! *= kept;
      });
    }
  }

  #depthsAt(numSequences: number): DepthExperience {
    const load = Math.floor(Math.log2(Math.max(1, numSequences)));
    return this.#depths[load] ??= this.#begin(load);
  }

  /** What is known of the nearest load serves for a while. */
  #begin(load: number): DepthExperience {
    const nearest = Object.keys(this.#depths).map(Number)
      .sort((a, b) => Math.abs(a - load) - Math.abs(b - load))[0];
    if (nearest === undefined) {
      return {
        seen: new Float64Array(this.#maxDepth),
        accepted: new Float64Array(this.#maxDepth),
        numNodes: new Float64Array(this.#maxDepth).fill(1),
      };
    }
    const { seen, accepted, numNodes } = this.#depths[nearest]!;
    return {
      seen: seen.map((weight) => Math.min(weight, INHERITED_WEIGHT)),
      accepted: accepted.map((sum, depth) => sum * Math.min(1, INHERITED_WEIGHT / Math.max(1, seen[depth]!))),
      numNodes: numNodes.slice(),
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
