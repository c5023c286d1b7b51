/**
 * The bytes of ranges of characters in UTF-8, as ranges of bytes.
 *
 * @module
 */
import type { CodePoints } from "./code_points.ts";

/** Ranges of the bytes of some characters, all of one length: every choice of a byte from each is a character. */
export type ByteSequence = readonly (readonly [first: number, last: number])[];

/** The characters of a set as sequences of byte ranges. */
export function byteSequences(set: CodePoints): ByteSequence[] {
  const sequences: ByteSequence[] = [];
  for (const [first, last] of set) {
    for (const [low, high] of ofOneLength(first, last)) split(bytesOf(low), bytesOf(high), sequences, []);
  }
  return sequences;
}

function* ofOneLength(first: number, last: number): Generator<[number, number]> {
  for (const limit of [0x7f, 0x7ff, 0xffff, 0x10ffff]) {
    if (first > last) return;
    if (first > limit) continue;
    yield [first, Math.min(last, limit)];
    first = limit + 1;
  }
}

function bytesOf(point: number): number[] {
  return [...new TextEncoder().encode(String.fromCodePoint(point))];
}

/** Sequences from `low` to `high`, which have the same number of bytes, behind the bytes of `prefix`. */
function split(
  low: readonly number[],
  high: readonly number[],
  sequences: ByteSequence[],
  prefix: ByteSequence,
): void {
  if (low.length === 0) {
    sequences.push(prefix);
    return;
  }
  const [first, ...lowRest] = low as [number, ...number[]],
    [last, ...highRest] = high as [number, ...number[]];
  if (first === last) return split(lowRest, highRest, sequences, [...prefix, [first, first]]);
  const startsLow = lowRest.every((byte) => byte === 0x80),
    endsHigh = highRest.every((byte) => byte === 0xbf);
  const minimum = lowRest.map(() => 0x80), maximum = highRest.map(() => 0xbf);
  if (!startsLow) split(lowRest, maximum, sequences, [...prefix, [first, first]]);
  const from = startsLow ? first : first + 1, to = endsHigh ? last : last - 1;
  if (from <= to) {
    sequences.push([
      ...prefix,
      [from, to],
      ...minimum.map((_, i) => [0x80, maximum[i]!] as const),
    ]);
  }
  if (!endsHigh) split(minimum, highRest, sequences, [...prefix, [last, last]]);
}
