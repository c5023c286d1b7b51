/**
 * Where characters begin and end in UTF-8 that comes in pieces. Every token of every stream comes by here, so the bytes
 * are looked at one by one: a decoder for each question would cost ten times as much.
 *
 * @module
 */

const MAX_UNFINISHED = 3;

/** Number of bytes at the end that further bytes may make a character; 0 if they cannot become one. */
export function numUnfinished(bytes: Uint8Array): number {
  for (let length = 1; length <= MAX_UNFINISHED && length <= bytes.length; length++) {
    const lead = bytes[bytes.length - length]!;
    if (lead < 0x80) return 0;
    if (lead < 0xc0) continue;
    if (length >= numBytes(lead)) return 0;
    return length === 1 || isSecond(lead, bytes[bytes.length - length + 1]!) ? length : 0;
  }
  return 0;
}

/** Whether `byte` goes on with the character that `unfinished` begins, or breaks it off. */
export function continuesCharacter(unfinished: Uint8Array, byte: number): boolean {
  return unfinished.length === 1 ? isSecond(unfinished[0]!, byte) : byte >= 0x80 && byte < 0xc0;
}

/** Number of code points in a text without lone surrogates. */
export function numCharacters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800) count--;
  }
  return count;
}

/** Length of the character that a byte begins; 0 for one that begins none. */
function numBytes(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 0;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/** Whether a byte may come second: not where the character would be longer than needed, a surrogate or past U+10FFFF. */
function isSecond(lead: number, byte: number): boolean {
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return byte >= low && byte <= high;
}
