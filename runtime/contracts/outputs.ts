/**
 * What a generation yields beside its tokens: log-probabilities and the reason of its end.
 *
 * @module
 */
/** Log-probabilities of one position. */
export interface TokenLogprob {
  /** Token id. */
  readonly token: number;
  /** Natural logarithm; null for the first prompt token, which nothing predicts. */
  readonly logprob: number | null;
  /** Most probable tokens and their log-probabilities, descending. */
  readonly top: readonly (readonly [token: number, logprob: number])[];
  /** Log-probabilities of the `logprobTokens`, in their order, if there are any. */
  readonly chosen?: readonly number[];
  /** Of the token among all, the most probable being 1; for prompt tokens, when asked for. */
  readonly rank?: number;
}

/** Why a generation ended. `matched` is the stop token or stop text. */
export type FinishReason =
  | { readonly type: "stop"; readonly matched: number | string }
  | { readonly type: "length"; readonly length: number }
  | { readonly type: "abort"; readonly message: string };
