/**
 * The registry of proposers. Adding one is a file with proposer and entry, and a line here.
 *
 * @module
 */
import type { VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import { LoadError } from "../contracts/errors.ts";
import type { ContextId, TensorId, WeightId } from "../../ffi/handles.ts";
import { draftModelEntry } from "./draft_model.ts";
import { eagle3Entry, eagleEntry, nextTokenLayerEntry } from "./head_proposer.ts";
import { ngramEntry } from "./ngram.ts";
import type { Proposer, ProposerEntry, ProposerParts, TargetParts } from "./proposer.ts";
import { syntheticEntry } from "./synthetic.ts";

/** All proposers. Of several that draft with the same kind of head, the first is the usual one. */
export const proposerEntries: readonly ProposerEntry[] = [
  eagleEntry,
  eagle3Entry,
  nextTokenLayerEntry,
  ngramEntry,
  draftModelEntry,
  syntheticEntry,
];

/** The proposer of the default model where no flag names one. */
export const defaultEntry: ProposerEntry = eagle3Entry;

/** Names of all proposers. */
export const proposerNames: readonly string[] = proposerEntries.map(({ name }) => name);

/**
 * The proposer of a name.
 *
 * @throws {LoadError} if there is none
 */
export function proposerEntry(name: string): ProposerEntry {
  const entry = proposerEntries.find((entry) => entry.name === name);
  if (entry === undefined) {
    throw new LoadError(`Cannot speculate with ${name}, expected one of ${proposerNames.join(", ")}`);
  }
  return entry;
}

/**
 * Creates the proposer that the configuration names.
 *
 * @throws {LoadError} if there is none of this name or its draft model does not fit
 */
export function createProposer(parts: ProposerParts): Proposer {
  return proposerEntry(parts.speculation.algorithm).create(parts);
}

/** The handles and facts of a loaded target that proposers may use. */
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
