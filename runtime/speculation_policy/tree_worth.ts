/**
 * Worth of draft trees of a fixed shape, and warnings for the log where they cannot pay: they are drafted whatever they
 * cost.
 *
 * @module
 */
import { acceptLength, type SpeculationUsage } from "../contracts/usage.ts";
import type { DraftingConfig } from "../contracts/speculation_config.ts";
import { costAt, draftCost } from "./draft_budget.ts";

const ADVICE = "--speculative-adaptive drafts only what pays";

/** Worth of draft trees at the beginning of a context. */
export interface TreeWorth {
  /** Break-even: tokens that a verification must yield to be as fast as plain steps. */
  readonly breakEven: number;
  /** Speed over that of plain decoding. */
  readonly speed: number;
}

/** Worth of trees of `numLevels` and `numNodes`, the root not counted, by measured costs. */
export function treeWorth(
  { forwardMs, draftMs }: Pick<DraftingConfig, "forwardMs" | "draftMs">,
  { numLevels, numNodes, numTokens, numSequences }: {
    readonly numLevels: number;
    readonly numNodes: number;
    /** Tokens that a verification yields, the one that was not drafted included. */
    readonly numTokens: number;
    /** Sequences that decode together. */
    readonly numSequences: number;
  },
): TreeWorth {
  const draftedMs = costAt(forwardMs, numSequences * (1 + numNodes)) +
    draftCost({ draftMs, draftScale: 1 }, numSequences, numLevels);
  const breakEven = draftedMs / costAt(forwardMs, numSequences);
  return { breakEven, speed: numTokens / breakEven };
}

/** A warning if such trees would not pay for a lone sequence even if all their levels were always accepted. */
export function warnBeforehand(config: DraftingConfig): string | undefined {
  const { adaptive, numSteps: numLevels, numNodes } = config, best = mostTokens(config);
  if (adaptive) return undefined;
  const { speed, breakEven } = treeWorth(config, { numLevels, numNodes, numTokens: best, numSequences: 1 });
  if (speed >= 1) return undefined;
  return `Speculation cannot pay here: ${describe(config, speed)} at best ` +
    `(accept length: break-even ${breakEven.toFixed(2)}, best possible ${best}). ${ADVICE}`;
}

/**
 * A warning if such trees do not pay when they are accepted as they were so far.
 *
 * @param numSequences that were drafted for together
 */
export function warnByAcceptance(
  config: DraftingConfig,
  usage: SpeculationUsage,
  numSequences: number,
): string | undefined {
  const { adaptive, numSteps: numLevels } = config, { numVerifications, numProposed } = usage;
  if (adaptive || numVerifications === 0) return undefined;
  const numTokens = acceptLength(usage), numNodes = numProposed / numVerifications;
  const { speed, breakEven } = treeWorth(config, { numLevels, numNodes, numTokens, numSequences });
  if (speed >= 1) return undefined;
  return `Speculation does not pay here: ${describe(config, speed)} ` +
    `(accept length: break-even ${breakEven.toFixed(2)}, ${numTokens.toFixed(2)} in the first ` +
    `${numVerifications} verifications, best possible ${mostTokens(config)}). ${ADVICE}`;
}

function mostTokens({ numSteps, numNodes }: DraftingConfig): number {
  return 1 + Math.min(numSteps, numNodes);
}

function describe({ numSteps, numNodes }: DraftingConfig, speed: number): string {
  const levels = `${numSteps} ${numSteps === 1 ? "level" : "levels"}`;
  return `trees of ${levels} and ${numNodes + 1} tokens run at ${speed.toFixed(2)}x of plain decoding`;
}
