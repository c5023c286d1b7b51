/**
 * Hidden states that requests ask for: outputs of the final norm, one row [hiddenSize] per token.
 *
 * @module
 */

/** Pooling: how the hidden states of a text's tokens become one vector; `cls` takes that of the first token. */
export type Pooling = "last" | "mean" | "cls";

/** How a checkpoint makes embeddings. */
export interface EmbeddingConfig {
  /** From the hidden states of a text to one vector. */
  readonly pooling: Pooling;
  /** Embeddings have length 1. */
  readonly isNormalised: boolean;
}

/** What a checkpoint that says nothing of embeddings has: the last token has seen the others. */
export const DEFAULT_EMBEDDING: EmbeddingConfig = { pooling: "last", isNormalised: true };

/** Which hidden states come with a generation: of all its tokens, or of the newest only. */
export type HiddenStates = "full" | "last";
