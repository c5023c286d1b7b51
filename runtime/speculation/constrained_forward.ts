/**
 * A forward in which constrained sequences are drawn for. It is in two halves: the model runs over the trees as the matcher
 * refined them, then tokens are drawn under its masks, which it makes while the model runs.
 *
 * @module
 */
import { emptyTree } from "../contracts/draft_tree.ts";
import type { Masked, Match, Refined, SequenceMasks } from "../messages/matcher.ts";
import type { Forward, Segment, SegmentResult } from "../messages/scheduler_verifier.ts";
import type { SequenceSampling } from "../sampling/sequence_sampling.ts";
import { type Drawn, type StateReader, Verification, type VerificationRules } from "./verification.ts";

/** Knows the sampling state of every segment's sequence. */
type SamplingOf = (requestId: string) => SequenceSampling;

/** Indices of the segments whose sampled tokens a matcher masks. */
export function constrainedSegments({ segments }: Forward, samplingOf: SamplingOf): number[] {
  return [...segments.keys()].filter((i) =>
    segments[i]!.sample && samplingOf(segments[i]!.requestId).isConstrained
  );
}

/** A forward with constrained segments, from its command to its results. */
export class ConstrainedForward {
  readonly step: number;
  /** What the matcher is asked. */
  readonly match: Match;
  readonly #forward: Forward;
  readonly #constrained: readonly number[];
  readonly #samplingOf: SamplingOf;

  /** `constrained` as {@linkcode constrainedSegments} has it. Takes output tokens off the sampling states. */
  constructor(forward: Forward, constrained: readonly number[], samplingOf: SamplingOf) {
    const { step, segments } = forward;
    this.step = step;
    this.#forward = forward;
    this.#constrained = constrained;
    this.#samplingOf = samplingOf;
    const requests = constrained.map((i) => {
      const { requestId, tree = emptyTree, maxNodes = 0 } = segments[i]!;
      return { requestId, ...samplingOf(requestId).takeOutput(), tree, maxNodes };
    });
    this.match = { type: "match", step, requests };
  }

  /** The segments with the trees that the matcher made of theirs, under verification. */
  refine({ trees }: Refined, rules: VerificationRules): RefinedForward {
    const segments: Segment[] = [...this.#forward.segments];
    this.#constrained.forEach((i, n) => segments[i] = { ...segments[i]!, tree: trees[n]! });
    return new RefinedForward(new Verification(segments, this.#samplingOf, rules), this.#constrained);
  }
}

/** A forward whose trees are refined. */
export class RefinedForward {
  readonly verification: Verification;
  readonly #constrained: readonly number[];

  constructor(verification: Verification, constrained: readonly number[]) {
    this.verification = verification;
    this.#constrained = constrained;
  }

  /** The masks of the matcher, by segment. */
  masksOf({ sequences }: Masked): ReadonlyMap<number, SequenceMasks> {
    return new Map(this.#constrained.map((i, n) => [i, sequences[n]!]));
  }

  /** As {@linkcode Verification.conclude}; the results of constrained segments have the tree that was verified. */
  conclude(
    drawn: Drawn,
    states: StateReader,
    masks: ReadonlyMap<number, SequenceMasks>,
  ): ReturnType<Verification["conclude"]> {
    const { results, copies } = this.verification.conclude(drawn, states, masks);
    const withTrees = results.map((result, i): SegmentResult => {
      const { tree } = this.verification.layouts[i]!.segment;
      return masks.has(i) && tree ? { ...result, tree } : result;
    });
    return { results: withTrees, copies };
  }
}
