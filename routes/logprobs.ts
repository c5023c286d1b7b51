/**
 * Log-probabilities in the three forms clients know.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { TokenLogprob } from "../runtime/messages.ts";
import type { chatLogprobs } from "./schema_chat.ts";
import type { legacyLogprobs } from "./schema_completions.ts";

/** Text of one token, special tokens included. */
export type TokenText = (token: number) => string;

/** `[logprob, token id, text or null]`, as `/generate` reports it. */
export type LogprobTriple = [number | null, number, string | null];

const encoder = new TextEncoder();
/** Stands for minus infinity, which JSON cannot carry. */
const lowest = -9999;

function finite(logprob: number): number {
  return Number.isFinite(logprob) ? logprob : lowest;
}

/** The chat form: text and bytes of each token and of its alternatives. */
export function toChatLogprobs(
  entries: readonly TokenLogprob[],
  textOf: TokenText,
): z.infer<typeof chatLogprobs> {
  const describe = (id: number, logprob: number) => {
    const token = textOf(id);
    return { token, bytes: [...encoder.encode(token)], logprob: finite(logprob) };
  };
  return {
    content: entries.map(({ token, logprob, top }) => ({
      ...describe(token, logprob ?? 0),
      top_logprobs: top.map(([id, value]) => describe(id, value)),
    })),
  };
}

/** The legacy completions form; the first token starts at character `offset` of the choice's text. */
export function toLegacyLogprobs(
  entries: readonly TokenLogprob[],
  options: { numTop: number; offset: number; textOf: TokenText },
): z.infer<typeof legacyLogprobs> {
  const { numTop, textOf } = options;
  const tokens = entries.map(({ token }) => textOf(token));
  let offset = options.offset;
  return {
    tokens,
    token_logprobs: entries.map(({ logprob }) => logprob === null ? null : finite(logprob)),
    top_logprobs: numTop === 0
      ? null
      : entries.map(({ logprob, top }) =>
        logprob === null ? null : Object.fromEntries(top.map(([id, value]) => [textOf(id), finite(value)]))
      ),
    text_offset: tokens.map((text) => {
      offset += text.length;
      return offset - text.length;
    }),
  };
}

/** The native form: a triple per token, and a list of triples per position for its alternatives. */
export function toLogprobTriples(
  entries: readonly TokenLogprob[],
  textOf: (token: number) => string | null,
): { tokens: LogprobTriple[]; top: (LogprobTriple[] | null)[] } {
  const triple = (id: number, logprob: number | null): LogprobTriple => [
    logprob === null ? null : finite(logprob),
    id,
    textOf(id),
  ];
  return {
    tokens: entries.map(({ token, logprob }) => triple(token, logprob)),
    top: entries.map(({ logprob, top }) =>
      logprob === null ? null : top.map(([id, value]) => triple(id, value))
    ),
  };
}
