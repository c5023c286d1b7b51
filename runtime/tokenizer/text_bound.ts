/**
 * How few tokens a text can have, by its length alone: none stands for more bytes than the longest one.
 *
 * @module
 */
import { NO_BOUND, type TextBound } from "../contracts/text_length.ts";
import type { TokenizerJson, TokenizerStep } from "./source.ts";
import { BYTE_CHARACTERS, BYTE_NAMES } from "./encoding/bytes.ts";
import type { TokenDecoding } from "./token_bytes.ts";

/**
 * What a text's length says. Nothing where that is not certain: normalizers such as NFC or Lowercase merge characters,
 * some pre-tokenizers drop white space, added tokens may absorb it, and a run of unknown characters may become one token.
 *
 * @param texts text of each token as the vocabulary writes it
 */
export function textBound(
  json: TokenizerJson,
  texts: readonly (string | undefined)[],
  { toBytes }: TokenDecoding,
): TextBound {
  const keepsText = ["BPE", "SentencePiece"].includes(json.model.type) &&
    keepsCharacters(json.normalizer, "normalizers") &&
    keepsCharacters(json.pre_tokenizer, "pretokenizers") &&
    !json.added_tokens.some(({ lstrip, rstrip }) => lstrip || rstrip);
  const lostBytes = keepsText ? bytesWithoutToken(json, texts) : undefined;
  if (lostBytes === undefined) return NO_BOUND;
  const added = json.added_tokens.map(({ content }) => new TextEncoder().encode(content).length);
  let longest = added.reduce((longest, length) => Math.max(longest, length), 1);
  for (const text of texts) {
    // A UTF-16 unit is three bytes at most, so that few texts need the exact count.
    if (text !== undefined && 3 * text.length > longest) longest = Math.max(longest, toBytes(text).length);
  }
  return { maxBytesPerToken: longest, lostBytes };
}

/** Whether every character of a text is in what a step makes of it. */
function keepsCharacters(step: TokenizerStep | null, parts: string): boolean {
  switch (step?.type) {
    case undefined:
    case "ByteLevel":
    case "Digits":
    case "Metaspace":
    case "Prepend":
      return true;
    case "Split":
    case "Punctuation":
      return step["behavior"] !== "Removed";
    case "Replace":
      // SentencePiece's sign for a space, which decoding turns back.
      return (step["pattern"] as { readonly String?: unknown } | null)?.String === " " &&
        step["content"] === "▁";
    case "Sequence": {
      const steps = step[parts];
      return Array.isArray(steps) && steps.every((part) => keepsCharacters(part, parts));
    }
    default:
      return false;
  }
}

/** Bytes that no token stands for alone; undefined if whole characters may be unknown. */
function bytesWithoutToken(
  json: TokenizerJson,
  texts: readonly (string | undefined)[],
): ReadonlySet<number> | undefined {
  const known = new Set(texts.filter((text) => text !== undefined && text.length <= 6));
  if (usesByteLevel(json.pre_tokenizer)) {
    return new Set([...BYTE_CHARACTERS.keys()].filter((byte) => !known.has(BYTE_CHARACTERS[byte]!)));
  }
  if (json.model["byte_fallback"] !== true) return undefined;
  return BYTE_NAMES.every((name) => known.has(name)) ? new Set() : undefined;
}

function usesByteLevel(step: TokenizerStep | null): boolean {
  if (step?.type !== "Sequence") return step?.type === "ByteLevel";
  const steps = step["pretokenizers"];
  return Array.isArray(steps) && steps.some(usesByteLevel);
}
