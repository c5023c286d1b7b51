/**
 * Proposers by the name `--speculative-algorithm` takes. Adding a proposer is a file and a line here.
 *
 * @module
 */
import { LoadError } from "../errors.ts";
import type { Proposer, ProposerParts } from "./proposer.ts";

const proposers: Readonly<Record<string, new (parts: ProposerParts) => Proposer>> = {};

/** Names of all proposers. */
export const proposerNames: readonly string[] = Object.keys(proposers);

/**
 * Builds the proposer that the flags name.
 *
 * @throws {LoadError} if there is none of this name or its draft model does not fit
 */
export function createProposer(parts: ProposerParts): Proposer {
  const { algorithm } = parts.speculation;
  const proposer = proposers[algorithm];
  if (!proposer) {
    throw new LoadError(
      `Cannot speculate with ${algorithm}, expected one of ${proposerNames.join(", ") || "none"}`,
    );
  }
  return new proposer(parts);
}
