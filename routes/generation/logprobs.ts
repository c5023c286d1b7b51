/**
 * Log-probabilities in the forms that clients know, but for the legacy one.
 *
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { Generator } from "../../runtime/contracts/generation.ts";
import type { TokenLogprob } from "../../runtime/contracts/outputs.ts";
import type { chatLogprobs } from "../schema/chat.ts";

/** Bytes of one token, special tokens included. */
export type TokenBytes = Generator["tokenBytes"];

/** `[logprob, token id, text or null]`, as `/generate` reports it. */
export type LogprobTriple = [number | null, number, string | null];

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Stands for minus infinity, which JSON cannot carry. */
const lowest = -9999;

/** A logprob as JSON can carry it. */
export function finite(logprob: number): number {
  return Number.isFinite(logprob) ? logprob : lowest;
}

/** Text of a token's bytes, U+FFFD for parts of characters. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The chat form: text and bytes of each token and of its alternatives. */
export function toChatLogprobs(
  entries: readonly TokenLogprob[],
  tokenBytes: TokenBytes,
): z.infer<typeof chatLogprobs> {
  const describe = (id: number, logprob: number) => {
    const bytes = tokenBytes(id);
    return { token: textOf(bytes), bytes: [...bytes], logprob: finite(logprob) };
  };
  return {
    content: entries.map(({ token, logprob, top }) => ({
      ...describe(token, logprob ?? 0),
      top_logprobs: top.map(([id, value]) => describe(id, value)),
    })),
    refusal: null,
  };
}

/** The native form: a triple per token, and a list of triples per position for its alternatives. */
export function toLogprobTriples(
  entries: readonly TokenLogprob[],
  textOf: (token: number) => string | null,
): { tokens: LogprobTriple[]; top: (LogprobTriple[] | null)[] } {
  const triple = tripleOf(textOf);
  return {
    tokens: entries.map(({ token, logprob }) => triple(token, logprob)),
    top: entries.map(({ logprob, top }) =>
      logprob === null ? null : top.map(([id, value]) => triple(id, value))
    ),
  };
}

/** The native form of the tokens asked for by id: a triple for each of `ids` per position. */
export function toChosenTriples(
  entries: readonly TokenLogprob[],
  ids: readonly number[],
  textOf: (token: number) => string | null,
): (LogprobTriple[] | null)[] {
  const triple = tripleOf(textOf);
  return entries.map(({ chosen }) =>
    chosen === undefined ? null : ids.map((id, i) => triple(id, chosen[i]!))
  );
}

function tripleOf(
  textOf: (token: number) => string | null,
): (id: number, logprob: number | null) => LogprobTriple {
  return (id, logprob) => [logprob === null ? null : finite(logprob), id, textOf(id)];
}
