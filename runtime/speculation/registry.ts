/**
 * Proposers by the name `--speculative-algorithm` takes. Adding a proposer is a file and a line here.
 *
 * @module
 */
import type { VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import { LoadError } from "../contracts/errors.ts";
import type { ContextId, TensorId, WeightId } from "../../ffi/handles.ts";
import { DraftModelProposer } from "./draft_model.ts";
import { HeadProposer } from "./head_proposer.ts";
import { NgramProposer } from "./ngram.ts";
import type { Proposer, ProposerParts, TargetParts } from "./proposer.ts";
import { SyntheticProposer } from "./synthetic.ts";

const proposers: Readonly<Record<string, (parts: ProposerParts) => Proposer>> = {
  EAGLE: (parts) => new HeadProposer(parts),
  EAGLE3: (parts) => new HeadProposer(parts),
  NEXTN: (parts) => new HeadProposer(parts),
  NGRAM: (parts) => new NgramProposer(parts),
  STANDALONE: (parts) => new DraftModelProposer(parts),
  SYNTHETIC: (parts) => new SyntheticProposer(parts),
};

/** Names of all proposers. */
export const proposerNames: readonly string[] = Object.keys(proposers);

/**
 * Builds the proposer that the flags name.
 *
 * @throws {LoadError} if there is none of this name or its draft model does not fit
 */
export function createProposer(parts: ProposerParts): Proposer {
  const { algorithm } = parts.speculation;
  const create = proposers[algorithm];
  if (!create) {
    throw new LoadError(`Cannot speculate with ${algorithm}, expected one of ${proposerNames.join(", ")}`);
  }
  return create(parts);
}

/** What proposers may use of a loaded target. */
export function targetParts(config: VerifierConfig, { handles }: VerifierInfo): TargetParts {
  const { libraryPath, checkpoint, dtype, kvDtype } = config;
  return {
    libraryPath,
    checkpoint,
    dtype,
    kvDtype,
    context: handles.context as ContextId,
    embedding: handles.embedding as WeightId,
    lmHead: handles.lmHead as WeightId,
    features: handles.features === 0 ? undefined : handles.features as TensorId,
  };
}
