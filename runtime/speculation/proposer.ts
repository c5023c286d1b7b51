/**
 * What a proposer is: it guesses the next tokens of sequences, as trees, for the target model to verify.
 *
 * @module
 */
import type { LogLevel } from "../actor/actor.ts";
import type { ModelConfig, SpeculationConfig } from "../config.ts";
import type { ContextId, TensorId, WeightId } from "../../ffi/handles.ts";

/** Most nodes of a draft tree: with the root, one bit of a mask each. */
export const MAX_NODES = 63;

/** One sequence that wants drafts. */
export interface DraftRequest {
  readonly requestId: string;
  /** Position of `tokens[0]`. */
  readonly start: number;
  /**
   * Tokens the proposer was not given yet, up to the newest, the root of the tree. The first request of a sequence has
   * start 0; an empty tree may be asked for (`numSteps` 0) to pass tokens on.
   */
  readonly tokens: Int32Array;
  /** Page table; covers the root's position and `numSteps` more. */
  readonly pages: Int32Array;
  /** Leading tokens whose pages came from the radix cache; matters in the first request only. */
  readonly numCachedTokens: number;
  /** Levels to grow at most; 0 for no tree. */
  readonly numSteps: number;
  /** Children of a node at most, and nodes kept per level. */
  readonly topk: number;
  /** Nodes to return at most, the root not counted. */
  readonly numNodes: number;
}

/** A draft tree without its root. Parents precede children, siblings stand most probable first. */
export interface DraftTree {
  readonly tokens: Int32Array;
  /** Index of the parent; -1 is the root. */
  readonly parents: Int32Array;
  /** The proposer's estimate that the node is reached and accepted: the product along its path. */
  readonly probabilities: Float32Array;
}

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
  readonly config: ModelConfig;
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

/** No drafts. */
export const emptyTree: DraftTree = {
  tokens: new Int32Array(0),
  parents: new Int32Array(0),
  probabilities: new Float32Array(0),
};
