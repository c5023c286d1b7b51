/**
 * Speculation plan: completes the `--speculative-...` flags for a target, before any file is opened.
 *
 * @module
 */
import { findArchitecture } from "../../architectures/registry.ts";
import type { ServerArgs } from "../../contracts/server_args.ts";
import { LoadError } from "../../contracts/errors.ts";
import { maxTopLogprobs } from "../../contracts/sampling_params.ts";
import type { ProposerEntry } from "../proposer.ts";
import { MAX_GROWN_ROWS } from "../tree_growth.ts";
import {
  MAX_DRAFT_TOKENS,
  type SpeculationConfig,
  type TreeShape,
} from "../../contracts/speculation_config.ts";

/** A plan without the files it names, and remarks for the log. */
export interface SpeculationPlan {
  readonly config: Omit<SpeculationConfig, "draft" | "head" | "hotTokens">;
  readonly notes: readonly string[];
}

/**
 * Completes the flags of a proposer for a target of this architecture.
 *
 * @throws {LoadError} if they ask for more than a tree can be
 */
export function planSpeculation(
  entry: ProposerEntry,
  args: ServerArgs,
  architecture: string,
): SpeculationPlan {
  const { speculativeNumSteps, speculativeEagleTopk, speculativeNumDraftTokens } = args;
  const given = {
    ...(speculativeNumSteps !== undefined && { numSteps: speculativeNumSteps }),
    ...(speculativeEagleTopk !== undefined && { topk: speculativeEagleTopk }),
    ...(speculativeNumDraftTokens !== undefined && { numDraftTokens: speculativeNumDraftTokens }),
  };
  const { shape, notes } = completeTree(
    given,
    entry.defaultTree(args, findArchitecture(architecture)?.draftTree),
  );
  const limit = entry.growsByLevel && shape.topk > 1 && (shape.numSteps - 1) * shape.topk > MAX_GROWN_ROWS
    ? [
      `Trees of ${shape.numSteps} steps of ${shape.topk}: growth ends when ${MAX_GROWN_ROWS} nodes are expanded`,
    ]
    : [];
  const single = args.speculativeAcceptThresholdSingle, acc = args.speculativeAcceptThresholdAcc;
  return {
    config: {
      algorithm: entry.name,
      ...shape,
      adaptive: args.speculativeAdaptive || Object.keys(given).length === 0,
      acceptThresholds: single < 1 || acc < 1 ? { single, acc } : undefined,
      ngram: {
        minBreadth: args.speculativeNgramMinBfsBreadth,
        maxBreadth: args.speculativeNgramMaxBfsBreadth,
        matchType: args.speculativeNgramMatchType,
        maxDepth: args.speculativeNgramMaxTrieDepth,
        capacity: args.speculativeNgramCapacity,
      },
      syntheticAcceptance: args.speculativeSyntheticAcceptance,
    },
    notes: [...notes, ...limit],
  };
}

/**
 * Fills in what is not given: a chain where the numbers say so, otherwise the automatic values, made larger or smaller
 * where they do not fit the given ones.
 *
 * @throws {LoadError} if more is given than a tree can be
 */
export function completeTree(
  given: Partial<TreeShape>,
  automatic: TreeShape,
): { readonly shape: TreeShape; readonly notes: readonly string[] } {
  refuseAbove(given.topk, maxTopLogprobs, "--speculative-eagle-topk");
  refuseAbove(given.numDraftTokens, MAX_DRAFT_TOKENS, "--speculative-num-draft-tokens");
  refuseAbove(given.numSteps, MAX_DRAFT_TOKENS - 1, "--speculative-num-steps");
  const isChain = given.numSteps !== undefined && given.numDraftTokens === given.numSteps + 1;
  const topk = given.topk ?? (isChain ? 1 : automatic.topk);
  if (topk === 1) {
    const numSteps = given.numSteps ?? (given.numDraftTokens ?? automatic.numSteps + 1) - 1;
    const numDraftTokens = numSteps + 1, asked = given.numDraftTokens ?? numDraftTokens;
    const note =
      `--speculative-num-draft-tokens ${asked} becomes ${numDraftTokens}: a chain of ${numSteps} steps`;
    return {
      shape: { numSteps: Math.max(1, numSteps), topk, numDraftTokens: Math.max(2, numDraftTokens) },
      notes: asked === numDraftTokens ? [] : [note],
    };
  }
  let numSteps = given.numSteps ?? automatic.numSteps;
  const isAutomatic = given.numSteps === undefined && given.topk === undefined;
  const least = isAutomatic ? 0 : Math.min(MAX_DRAFT_TOKENS, numSteps + topk - 1);
  const wanted = given.numDraftTokens ?? Math.max(automatic.numDraftTokens, least);
  if (given.numSteps === undefined) { while (numCandidates(numSteps, topk) < wanted - 1) numSteps++; }
  const numDraftTokens = Math.min(wanted, numCandidates(numSteps, topk) + 1);
  const note = `--speculative-num-draft-tokens ${wanted} becomes ${numDraftTokens}: ` +
    `${numSteps} steps of ${topk} yield no more`;
  return { shape: { numSteps, topk, numDraftTokens }, notes: wanted === numDraftTokens ? [] : [note] };
}

/** Nodes among which the best are chosen: `topk` of the root, then `topk` of each of the best `topk` of a level. */
function numCandidates(numSteps: number, topk: number): number {
  return topk + (numSteps - 1) * topk * topk;
}

function refuseAbove(value: number | undefined, max: number, flag: string): void {
  if (value !== undefined && value > max) {
    throw new LoadError(`Cannot use ${flag} ${value}, expected at most ${max}`);
  }
}
