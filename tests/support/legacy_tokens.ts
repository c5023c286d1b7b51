/**
 * What the tokens of legacy completions say about the text.
 *
 * @module
 */

/** The bytes behind a token as it is written. */
export function bytesOf(label: string): number[] {
  if (!label.startsWith("bytes:")) return [...new TextEncoder().encode(label)];
  const parts = label.slice("bytes:".length).match(/\\x[0-9a-f]{2}|./g)!;
  return parts.map((part) => part.length > 1 ? parseInt(part.slice(2), 16) : part.charCodeAt(0));
}

/**
 * Where each token begins if texts are written one behind the other, each decoded by itself: at the character of its
 * first byte, by the definition.
 */
export function offsetsOf(
  texts: readonly (readonly string[])[],
): { offsets: number[]; numCharacters: number } {
  const offsets: number[] = [];
  let numCharacters = 0;
  for (const tokens of texts) {
    const parts = tokens.map(bytesOf), bytes = Uint8Array.from(parts.flat());
    const lengthUpTo = (end: number) =>
      [...new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, end))].length;
    let first = 0;
    for (const part of parts) {
      offsets.push(numCharacters + lengthUpTo(first + 1) - 1);
      first += part.length;
    }
    numCharacters += lengthUpTo(bytes.length);
  }
  return { offsets, numCharacters };
}
