/**
 * Where characters begin and end in UTF-8 that comes in pieces.
 *
 * @module
 */

const MAX_UNFINISHED = 3;

/** The bytes at the end that further bytes may make a character; none if they cannot become one. */
export function unfinishedBytes(bytes: Uint8Array): Uint8Array {
  for (let length = 1; length <= MAX_UNFINISHED && length <= bytes.length; length++) {
    const tail = bytes.subarray(bytes.length - length);
    if (tail[0]! < 0x80) break;
    if (tail[0]! >= 0xc0) return decodeBeginning(tail) === "" ? tail : new Uint8Array(0);
  }
  return new Uint8Array(0);
}

/** Whether `byte` goes on with the character that `unfinished` begins, or breaks it off. */
export function continuesCharacter(unfinished: Uint8Array, byte: number): boolean {
  return decodeBeginning(Uint8Array.of(...unfinished, byte)) !== undefined;
}

/** Number of code points. */
export function numCharacters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    // A lone surrogate does not come out of a decoder, so each high one stands before its other half.
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800) count--;
  }
  return count;
}

/** Text of bytes that may end within a character; undefined if they are wrong. */
function decodeBeginning(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream: true });
  } catch {
    return undefined;
  }
}
