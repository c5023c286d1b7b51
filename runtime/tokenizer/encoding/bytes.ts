/**
 * GPT-2's way to write bytes as printable characters, which byte-level vocabularies use.
 *
 * @module
 */

/** The character of each byte: itself if printable in Latin-1, else the next free one from U+0100. */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters();

function byteCharacters(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(isPrintable ? byte : next++);
  });
}

const UTF8 = new TextEncoder();

/** Bytes, or the UTF-8 bytes of a text, each as a character. */
export function toByteLevel(text: string | Uint8Array): string {
  let written = "";
  for (const byte of typeof text === "string" ? UTF8.encode(text) : text) written += BYTE_CHARACTERS[byte];
  return written;
}

/** The names under which vocabularies with byte fallback hold single bytes, such as `<0x0A>`. */
export const BYTE_NAMES: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);
