/**
 * What a proposer is: it guesses the next tokens of sequences, as trees, for the target model to verify.
 *
 * @module
 */
import type { LogLevel } from "../contracts/log_level.ts";
import type { Checkpoint } from "../contracts/checkpoint.ts";
import type { VerifierConfig } from "../contracts/config.ts";
import type { SpeculationConfig } from "../contracts/speculation_config.ts";
import type { DraftTree } from "../contracts/draft_tree.ts";
import type { DraftRequest } from "../messages/scheduler_drafter.ts";
import type { ContextId, TensorId, WeightId } from "../../ffi/handles.ts";

export type { DraftRequest, DraftTree };

/** Proposes tokens; see `registry.ts` for those there are. */
export interface Proposer extends Disposable {
  /** A tree per request, in order. All requests are grown together. The same requests yield the same trees. */
  propose(requests: readonly DraftRequest[]): DraftTree[];
  /** The sequence is over or was preempted: forget it. Unknown ids are ignored. */
  release(requestId: string): void;
}

/** Sizes a proposer must cope with. */
export interface ProposerLimits {
  /** Sequences in one `propose`. */
  readonly maxSequences: number;
  /** Pages of the pool, the target's and the draft model's. */
  readonly numPages: number;
  /** Tokens of a page. */
  readonly pageSize: number;
  /** Longest sequence in tokens. */
  readonly contextLength: number;
}

/** The native side of the target model, as handles valid in every Worker of the process. */
export interface TargetParts {
  readonly libraryPath: string;
  readonly context: ContextId;
  /** Where its weights lie. */
  readonly checkpoint: Checkpoint;
  /** Types of its floating weights and of its KV. */
  readonly dtype: VerifierConfig["dtype"];
  readonly kvDtype: VerifierConfig["kvDtype"];
  /** [vocabSize, hiddenSize]. */
  readonly embedding: WeightId;
  /** [vocabSize, hiddenSize]; the embedding if tied. */
  readonly lmHead: WeightId;
  /** [numPages * pageSize, width], one row per KV slot; absent unless the proposer asked for features. */
  readonly features: TensorId | undefined;
}

/** What proposers are built from. */
export interface ProposerParts {
  readonly speculation: SpeculationConfig;
  readonly limits: ProposerLimits;
  readonly target: TargetParts;
  readonly log: (level: LogLevel, text: string) => void;
}
