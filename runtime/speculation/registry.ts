/**
 * Proposers by the name `--speculative-algorithm` takes. Adding a proposer is a file and a line here.
 *
 * @module
 */
import type { ModelConfig, VerifierConfig, VerifierInfo } from "../config.ts";
import { LoadError } from "../errors.ts";
import type { SpeculationConfig } from "../speculation_config.ts";
import type { ContextId, TensorId, WeightId } from "../../ffi/handles.ts";
import { DraftModelProposer } from "./draft_model.ts";
import { NgramProposer } from "./ngram.ts";
import type { Proposer, ProposerParts, TargetParts } from "./proposer.ts";
import { SyntheticProposer } from "./synthetic.ts";

interface ProposerKind {
  readonly create: (parts: ProposerParts) => Proposer;
  /**
   * Hidden states of the target it draws on, as `VerifierConfig.featureLayers` numbers them. With any, draft KV of a
   * token depends on the token after it.
   */
  readonly featureLayers?: (speculation: SpeculationConfig, target: ModelConfig) => readonly number[];
}

const proposers: Readonly<Record<string, ProposerKind>> = {
  NGRAM: { create: (parts) => new NgramProposer(parts) },
  STANDALONE: { create: (parts) => new DraftModelProposer(parts) },
  SYNTHETIC: { create: (parts) => new SyntheticProposer(parts) },
};

/** Names of all proposers. */
export const proposerNames: readonly string[] = Object.keys(proposers);

/**
 * Builds the proposer that the flags name.
 *
 * @throws {LoadError} if there is none of this name or its draft model does not fit
 */
export function createProposer(parts: ProposerParts): Proposer {
  return kindOf(parts.speculation).create(parts);
}

/**
 * Hidden states of the target that the proposer wants.
 *
 * @throws {LoadError} if there is none of this name or its draft model does not fit
 */
export function featureLayersOf(speculation: SpeculationConfig, target: ModelConfig): readonly number[] {
  return kindOf(speculation).featureLayers?.(speculation, target) ?? [];
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

function kindOf({ algorithm }: SpeculationConfig): ProposerKind {
  const kind = proposers[algorithm];
  if (!kind) {
    throw new LoadError(`Cannot speculate with ${algorithm}, expected one of ${proposerNames.join(", ")}`);
  }
  return kind;
}
