/**
 * Appends drawn tokens to a sequence, up to its end: a stop token or its length.
 *
 * @module
 */
import type { FinishReason } from "../contracts/outputs.ts";
import { numOutputTokens, type Sequence } from "./sequence.ts";

/** Appends drawn tokens up to the first that ends the sequence; says whether one does. */
export function appendTokens(
  sequence: Sequence,
  drawn: Int32Array,
  eosTokenIds: readonly number[],
): FinishReason | undefined {
  let end = lengthReached(sequence);
  for (let i = 0; end === undefined && i < drawn.length; i++) {
    sequence.tokens.push(drawn[i]!);
    end = stopAt(sequence, drawn[i]!, eosTokenIds) ?? lengthReached(sequence);
  }
  return end;
}

function lengthReached(sequence: Sequence): FinishReason | undefined {
  const length = numOutputTokens(sequence);
  return length >= sequence.maxTokens ? { type: "length", length } : undefined;
}

function stopAt(
  { sampling: { ignoreEos, stopTokenIds }, constraint }: Sequence,
  token: number,
  eosTokenIds: readonly number[],
): FinishReason | undefined {
  const isEnd = eosTokenIds.includes(token);
  // Nothing can follow where a grammar has ended, whoever ignores it.
  const stops = ignoreEos
    ? isEnd && constraint?.grammar !== undefined
    : isEnd || stopTokenIds.includes(token);
  return stops ? { type: "stop", matched: token } : undefined;
}
