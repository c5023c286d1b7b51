/**
 * Counts of tokens: of one request, or of all.
 *
 * @module
 */

/** Token counts of one request. */
export interface Usage {
  /** Tokens of the prompt. */
  readonly numPromptTokens: number;
  /** Tokens generated. */
  readonly numCompletionTokens: number;
  /** Prompt tokens whose KV came from the radix cache. */
  readonly numCachedTokens: number;
  /** Times the request lost its pages and was computed again. */
  readonly numPreemptions: number;
  /** What speculation did; absent without it. */
  readonly speculation?: SpeculationUsage;
}

/** Counts of draft tokens, of one request or of all. */
export interface SpeculationUsage {
  /** Decode steps, steps without drafts included. */
  readonly numVerifications: number;
  /** Draft tokens verified. */
  readonly numProposed: number;
  /** Draft tokens accepted. */
  readonly numAccepted: number;
  /** Entry n: draft tokens verified at depth n + 1 of their trees. */
  readonly proposedHistogram: readonly number[];
  /** Entry n: verifications that accepted n draft tokens. */
  readonly acceptedHistogram: readonly number[];
}

/** Tokens per verification, the one that was not drafted included; 1 before the first. */
export function acceptLength(
  { numVerifications, numAccepted }: Pick<SpeculationUsage, "numVerifications" | "numAccepted">,
): number {
  return 1 + numAccepted / Math.max(1, numVerifications);
}

/** Share of the verified draft tokens that was accepted; 0 before the first. */
export function acceptRate(
  { numProposed, numAccepted }: Pick<SpeculationUsage, "numProposed" | "numAccepted">,
): number {
  return numAccepted / Math.max(1, numProposed);
}
