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

/** Says nothing. */
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
  const bytes = texts.reduce((sum, text) => sum + countBytes(text, lostBytes), 0);
  if (bytes >= maxBytes) throw inputTooLong(param, `${bytes} bytes`, contextLength);
}

function countBytes(text: string, lost: ReadonlySet<number>): number {
  const bytes = ENCODER.encode(text);
  let count = bytes.length;
  if (lost.size > 0) {
    const isLost = Uint8Array.from({ length: 256 }, (_, byte) => lost.has(byte) ? 1 : 0);
    for (const byte of bytes) count -= isLost[byte]!;
  }
  return count;
}

/** What an input is refused with that does not fit the context; `size` says how long it is. */
export function inputTooLong(param: string, size: string, contextLength: number): InvalidRequestError {
  return new InvalidRequestError(
    `Cannot accept ${param}: the input (${size}) is longer than the model's context length (${contextLength} tokens)`,
    param,
    "context_length",
  );
}
