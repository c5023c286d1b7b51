/**
 * Proposers and their registry entries. A proposer guesses the next tokens of sequences, as trees, for the target model
 * to verify (speculative decoding: Leviathan et al. 2023, arXiv 2211.17192; trees: Miao et al. 2023, arXiv 2305.09781).
 *
 * An entry is one object, although its two halves are used in different places: the engine's thread plans trees and
 * opens files, the drafter's Worker creates the proposer. It names the files it needs as data (`needs`), and
 * `setup/draft_files.ts` opens them by kind; so no proposer imports file readers or tokenizers, and no algorithm has a
 * second table there.
 *
 * @module
 */
import type { LogLevel } from "../contracts/log_level.ts";
import type { Checkpoint } from "../contracts/checkpoint.ts";
import type { VerifierConfig } from "../contracts/config.ts";
import type { HeadKind, SpeculationConfig, TreeShape } from "../contracts/speculation_config.ts";
import type { ServerArgs } from "../contracts/server_args.ts";
import type { DraftTree } from "../contracts/draft_tree.ts";
import type { DraftRequest } from "../messages/scheduler_drafter.ts";
import type { ContextId, TensorId, WeightId } from "../../ffi/handles.ts";

export type { DraftRequest, DraftTree };

/** Options of {@linkcode Proposer.capture}. */
export interface DraftCapture {
  /** Levels of a tree at most. */
  readonly numSteps: number;
  /** Clock, in milliseconds. */
  readonly clock: { now(): number };
  readonly log: (level: LogLevel, text: string) => void;
}

/** Proposes tokens; `registry.ts` lists all proposers. */
export interface Proposer extends Disposable {
  /** Captures graphs of its forwards for up to `graphSequences` of {@linkcode ProposerLimits}; absent without a network. */
  capture?(options: DraftCapture): void;
  /** A tree per request, in order. All requests are grown together. The same requests yield the same trees. */
  propose(requests: readonly DraftRequest[]): DraftTree[];
  /**
   * Tokens of the request's sequence that need not be read again, once `propose` has answered it: entries 0 .. numRead-1
   * of its draft KV are filled. Without draft KV, all tokens that were given.
   */
  numRead(request: DraftRequest): number;
  /** Forgets a sequence that has ended or was preempted. Unknown ids are ignored. */
  release(requestId: string): void;
}

/** Largest sizes that a proposer must support. */
export interface ProposerLimits {
  /** Sequences in one `propose`. */
  readonly maxSequences: number;
  /** Pages of the pool, the target's and the draft model's. */
  readonly numPages: number;
  /** Tokens of a page. */
  readonly pageSize: number;
  /** Longest sequence in tokens. */
  readonly contextLength: number;
  /** Sequences in one `propose` that graphs are captured for at most; none are if left out. */
  readonly graphSequences?: number;
}

/** The native side of the target model, as handles valid in every Worker of the process. */
export interface TargetParts {
  readonly libraryPath: string;
  readonly context: ContextId;
  /** Checkpoint of the target. */
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

/** Parts that proposers are built from. */
export interface ProposerParts {
  readonly speculation: SpeculationConfig;
  readonly limits: ProposerLimits;
  readonly target: TargetParts;
  readonly log: (level: LogLevel, text: string) => void;
}

/** Files that a proposer drafts with, besides the target's. */
export type ProposerNeeds =
  | { readonly files: "none" }
  /** A smaller model with the target's vocabulary. */
  | { readonly files: "model" }
  | {
    /** A draft head, trained for the target. */
    readonly files: "head";
    /** Kinds of heads it can draft with. */
    readonly kinds: readonly HeadKind[];
    /** Name of the proposer that it stands for with the other's kinds of heads, as SGLang has one name for both. */
    readonly standsFor?: string;
    /** The head that Aerie ships for its default model: a folder, relative to the repository. */
    readonly shipped?: string;
  };

/** A proposer as the registry lists it. */
export interface ProposerEntry {
  /** As `--speculative-algorithm` takes it. */
  readonly name: string;
  /** What `setup/` opens before the proposer is created. */
  readonly needs: ProposerNeeds;
  /** Draft KV of a page depends on the token after the page, which is then part of the page's key in the prefix cache. */
  readonly keyIncludesNextToken: boolean;
  /** Trees are grown by `TreeGrowth`, whose number of expanded nodes is limited. */
  readonly growsByLevel: boolean;
  /**
   * SGLang's default shape, where no flag says anything else. `headTree`: what the target's architecture has a draft head
   * grow, if it says so.
   */
  defaultTree(args: ServerArgs, headTree: TreeShape | undefined): TreeShape;
  /** @throws {LoadError} if something it needs is missing or does not fit the target */
  create(parts: ProposerParts): Proposer;
}

/** SGLang's default shape where nothing is known of the drafts: a short chain. */
export const defaultChain: TreeShape = { numSteps: 3, topk: 1, numDraftTokens: 4 };
