/**
 * The bytes each token stands for, read from tokenizer.json's decoder. Working on bytes instead of strings lets a
 * character be split over tokens.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import type { TokenizerStep } from "./source.ts";

/** How token texts turn into bytes. */
export interface TokenDecoding {
  /** Bytes of one token's text. */
  readonly toBytes: (text: string) => Uint8Array;
  /** The first character of a decoded text is dropped if it is a space (SentencePiece's dummy prefix). */
  readonly stripsLeadingSpace: boolean;
}

const UTF8 = new TextEncoder();

/**
 * How the tokens of a decoder turn into bytes.
 *
 * @throws {LoadError} if the decoder is of a kind that does not work token by token
 */
export function tokenDecoding(path: string, decoder: TokenizerStep | null): TokenDecoding {
  const steps = decoder?.type === "Sequence"
    ? decoder["decoders"] as TokenizerStep[]
    : decoder
    ? [decoder]
    : [];
  let byteLevel = false, byteFallback = false, stripsLeadingSpace = false;
  const replacements: [from: string, to: string][] = [];
  for (const step of steps) {
    switch (step.type) {
      case "ByteLevel":
        byteLevel = true;
        break;
      case "ByteFallback":
        byteFallback = true;
        break;
      case "Fuse":
        break;
      case "Replace": {
        const from = (step["pattern"] as { readonly String?: string } | undefined)?.String;
        if (from === undefined) throw unsupported(path, step);
        replacements.push([from, String(step["content"] ?? "")]);
        break;
      }
      case "Strip":
        if (step["content"] !== " " || step["start"] !== 1 || step["stop"] !== 0) {
          throw unsupported(path, step);
        }
        stripsLeadingSpace = true;
        break;
      case "Metaspace":
        replacements.push([String(step["replacement"] ?? "▁"), " "]);
        stripsLeadingSpace = step["prepend_scheme"] !== "never" && step["add_prefix_space"] !== false;
        break;
      default:
        throw unsupported(path, step);
    }
  }
  const toBytes = (text: string): Uint8Array => {
    if (byteLevel) return byteLevelBytes(text);
    const byte = byteFallback ? /^<0x([0-9A-F]{2})>$/.exec(text)?.[1] : undefined;
    if (byte !== undefined) return Uint8Array.of(parseInt(byte, 16));
    return UTF8.encode(replacements.reduce((replaced, [from, to]) => replaced.replaceAll(from, to), text));
  };
  return { toBytes, stripsLeadingSpace };
}

function unsupported(path: string, step: TokenizerStep): LoadError {
  return new LoadError(`Cannot load ${path}: decoder ${JSON.stringify(step)} is not supported`);
}

/** GPT-2's printable character of each byte: itself if printable in Latin-1, else the next free one from U+0100. */
const BYTE_OF_CHARACTER = new Map<string, number>();
for (let byte = 0, next = 0x100; byte < 256; byte++) {
  const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  BYTE_OF_CHARACTER.set(String.fromCharCode(printable ? byte : next++), byte);
}

/** The 256 texts that byte-level vocabularies write single bytes as. */
export const BYTE_CHARACTERS: readonly string[] = [...BYTE_OF_CHARACTER.keys()];

function byteLevelBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const byte = BYTE_OF_CHARACTER.get(character);
    if (byte === undefined) bytes.push(...UTF8.encode(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
