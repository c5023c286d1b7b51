/**
 * Refuses texts that cannot fit a context, before anybody tokenizes them.
 *
 * @module
 */
import { InvalidRequestError } from "./errors.ts";

const ENCODER = new TextEncoder();

/** What the length of a text says about the number of its tokens. */
export interface TextBound {
  /** UTF-8 bytes that one token stands for at most; infinite where that is not certain. */
  readonly maxBytesPerToken: number;
  /** Bytes that have no token in the vocabulary, so that a text may lose them. */
  readonly lostBytes: ReadonlySet<number>;
}

/** The bound of a tokenizer without one: any text may fit. */
export const NO_BOUND: TextBound = { maxBytesPerToken: Infinity, lostBytes: new Set() };

/**
 * Refuses `texts`, one input together, if even tokens of the greatest length would be too many.
 *
 * @throws {InvalidRequestError} naming `param`
 */
export function checkTextFits(
  param: string,
  texts: readonly string[],
  { maxBytesPerToken, lostBytes }: TextBound,
  contextLength: number,
): void {
  const maxBytes = maxBytesPerToken * contextLength;
  // A UTF-16 unit is three bytes at most: most inputs need no count.
  if (3 * texts.reduce((sum, text) => sum + text.length, 0) < maxBytes) return;
  let count = 0;
  for (const text of texts) {
    count += countBytes(text, lostBytes, maxBytes - count);
    if (count < maxBytes) continue;
    const length = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    throw inputTooLong(param, `${length} bytes`, contextLength);
  }
}

/** UTF-8 bytes of a text but for those that may be lost; stops counting at `limit`. */
function countBytes(text: string, lost: ReadonlySet<number>, limit: number): number {
  if (lost.size === 0) return Buffer.byteLength(text);
  const counts = Uint8Array.from({ length: 256 }, (_, byte) => lost.has(byte) ? 0 : 1);
  const bytes = ENCODER.encode(text);
  let count = 0;
  for (let i = 0; i < bytes.length && count < limit; i++) count += counts[bytes[i]!]!;
  return count;
}

/** The error of an input that does not fit the context; `size` states its length in words. */
export function inputTooLong(param: string, size: string, contextLength: number): InvalidRequestError {
  return new InvalidRequestError(
    `Cannot accept ${param}: the input (${size}) is longer than the model's context length (${contextLength} tokens)`,
    param,
    "context_length",
  );
}
