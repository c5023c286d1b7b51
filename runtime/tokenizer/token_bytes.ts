/**
 * The bytes that each token adds to a text, read from tokenizer.json's decoder. Working on bytes instead of strings lets
 * a character be split over tokens.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import { cleanUp } from "./clean_up.ts";
import { BYTE_CHARACTERS } from "./encoding/bytes.ts";
import type { TokenizerStep } from "./source.ts";

/** Where a token stands in its text; what is left out of the text counts for nothing. */
export interface TokenPlace {
  /** It is the first. */
  readonly isFirst: boolean;
  /** It is the last. */
  readonly isLast: boolean;
}

/** How token texts turn into text. */
export interface TokenDecoding {
  /** Bytes of one token's text; between others if no place is given. */
  readonly toBytes: (text: string, place?: TokenPlace) => Uint8Array;
  /** What is dropped at the beginning of the whole text: this character, so many times at most. */
  readonly strip: { readonly character: string; readonly count: number };
  /** Whether a token at the end of a text differs from one that others follow. */
  readonly dependsOnEnd: boolean;
}

/** What a step makes of one token's text. */
type TextStep = (text: string, place: TokenPlace) => string;

const UTF8 = new TextEncoder();
const WITHIN: TokenPlace = { isFirst: false, isLast: false };
const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/;

/**
 * How the tokens of a decoder turn into bytes: exactly as the Rust library `tokenizers` has it, but that each character
 * of a run of byte tokens is decoded for itself, while there one byte that is not UTF-8 spoils the whole run.
 *
 * @throws {LoadError} if the decoder has a step that does not work token by token
 */
export function tokenDecoding(path: string, decoder: TokenizerStep | null): TokenDecoding {
  if (decoder === null) {
    const separated: TextStep = (text, { isFirst }) => isFirst ? text : ` ${text}`;
    return decodingOf({ textSteps: [separated], toBytes: utf8, strip: NO_STRIP, dependsOnEnd: false });
  }
  const chain: Chain = { textSteps: [], toBytes: utf8, strip: NO_STRIP, dependsOnEnd: false };
  let stage: Stage = "tokens";
  for (const step of flatten(decoder)) {
    const next = append(chain, stage, step);
    if (next === undefined) throw unsupported(path, step);
    stage = next;
  }
  return decodingOf(chain);
}

/**
 * What the steps so far have made: texts of tokens; bytes, in which only whole characters can be changed; one text, of
 * which only the beginning can be.
 */
type Stage = "tokens" | "bytes" | "text";

/** The steps of a decoder by what they work on, in order. */
interface Chain {
  readonly textSteps: TextStep[];
  toBytes: (text: string) => Uint8Array;
  strip: TokenDecoding["strip"];
  dependsOnEnd: boolean;
}

const NO_STRIP = { character: " ", count: 0 };

function decodingOf({ textSteps, toBytes, strip, dependsOnEnd }: Chain): TokenDecoding {
  return {
    toBytes: (text, place = WITHIN) => toBytes(textSteps.reduce((made, step) => step(made, place), text)),
    strip,
    dependsOnEnd,
  };
}

/** Appends a step; returns the stage behind it, or undefined if it cannot be done token by token at this stage. */
function append(chain: Chain, stage: Stage, step: TokenizerStep): Stage | undefined {
  if (step.type === "Fuse") return "text";
  if (stage === "text") {
    const strip = stripOf(step);
    if (strip === undefined || chain.strip.count > 0) return undefined;
    chain.strip = strip;
    return stage;
  }
  if (stage === "bytes") return undefined;
  switch (step.type) {
    case "ByteLevel":
      chain.toBytes = byteLevelBytes;
      return "text";
    case "ByteFallback":
      chain.toBytes = byteOrUtf8;
      return "bytes";
    case "BPEDecoder":
      if (chain.dependsOnEnd) return undefined;
      chain.dependsOnEnd = true;
      break;
  }
  const textStep = textStepOf(step);
  if (textStep === undefined) return undefined;
  chain.textSteps.push(textStep);
  return stage;
}

function textStepOf(step: TokenizerStep): TextStep | undefined {
  switch (step.type) {
    case "Replace": {
      const from = (step["pattern"] as { readonly String?: unknown } | undefined)?.String;
      const to = step["content"];
      if (typeof from !== "string" || from === "" || typeof to !== "string") return undefined;
      return (text) => text.replaceAll(from, () => to);
    }
    case "Strip": {
      const strip = stripOf(step);
      return strip && ((text) => stripped(text, strip));
    }
    case "Metaspace": {
      const { replacement = "▁", prepend_scheme: scheme = "always" } = step;
      if (typeof replacement !== "string" || replacement === "") return undefined;
      const drops = scheme !== "never" && step["add_prefix_space"] !== false;
      return (text, { isFirst }) => text.replaceAll(replacement, isFirst && drops ? "" : " ");
    }
    case "WordPiece": {
      const { prefix = "##", cleanup = true } = step;
      if (typeof prefix !== "string") return undefined;
      return (text, { isFirst }) => {
        const joined = isFirst ? text : text.startsWith(prefix) ? text.slice(prefix.length) : ` ${text}`;
        return cleanup ? cleanUp(joined) : joined;
      };
    }
    case "BPEDecoder": {
      const { suffix = "</w>" } = step;
      if (typeof suffix !== "string" || suffix === "") return undefined;
      return (text, { isLast }) => text.replaceAll(suffix, isLast ? "" : " ");
    }
    default:
      return undefined;
  }
}

/** A step that drops characters at the beginning; undefined for any other. */
function stripOf({ type, content, start = 0, stop = 0 }: TokenizerStep): TokenDecoding["strip"] | undefined {
  if (type !== "Strip" || typeof content !== "string" || [...content].length !== 1) return undefined;
  if (!Number.isSafeInteger(start) || (start as number) < 0 || stop !== 0) return undefined;
  return { character: content, count: start as number };
}

function stripped(text: string, { character, count }: TokenDecoding["strip"]): string {
  let start = 0;
  for (let i = 0; i < count && text.startsWith(character, start); i++) start += character.length;
  return text.slice(start);
}

/** Steps of a decoder, those of sequences in their place. */
function flatten(step: TokenizerStep): TokenizerStep[] {
  return step.type === "Sequence" ? (step["decoders"] as TokenizerStep[]).flatMap(flatten) : [step];
}

function unsupported(path: string, step: TokenizerStep): LoadError {
  return new LoadError(`Cannot load ${path}: decoder ${JSON.stringify(step)} is not supported`);
}

function utf8(text: string): Uint8Array {
  return UTF8.encode(text);
}

function byteOrUtf8(text: string): Uint8Array {
  const byte = BYTE_TOKEN.exec(text)?.[1];
  return byte === undefined ? utf8(text) : Uint8Array.of(parseInt(byte, 16));
}

const BYTE_OF_CHARACTER = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

/** The bytes that the characters stand for; a text with any other character is text. */
function byteLevelBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    const byte = BYTE_OF_CHARACTER.get(character);
    if (byte === undefined) return utf8(text);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
