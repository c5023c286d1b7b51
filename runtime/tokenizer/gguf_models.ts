/**
 * The kinds of tokenizers in GGUF files, by `tokenizer.ggml.model`, as steps of a tokenizer.json.
 *
 * @module
 */
import type { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import { BYTE_NAMES } from "./encoding/bytes.ts";
import { isolated } from "./encoding/pre_tokenizers.ts";
import { PRE_TOKENIZERS } from "./gguf_pre_tokenizers.ts";
import { type GgufVocabulary, keyOf, TOKEN_KINDS } from "./gguf_vocabulary.ts";
import type { SentencePieceVocabulary } from "./encoding/sentencepiece.ts";
import type { TokenizerJson, TokenizerStep } from "./source.ts";

/** What a kind of tokenizer says by itself. */
export interface GgufModel {
  /** The parts of a tokenizer.json that it decides. */
  readonly json: Pick<TokenizerJson, "normalizer" | "pre_tokenizer" | "decoder" | "model">;
  /** Ids of special tokens where the file does not say them. */
  readonly defaults: { readonly bos?: number; readonly eos?: number; readonly unknown?: number };
  /** A text begins with bos where the file does not say. */
  readonly addsBos: boolean;
}

/** What else `tokenizer.ggml.model` may be, in words. */
const REFUSED: Readonly<Record<string, string>> = {
  bert: "WordPiece",
  t5: "Unigram",
  rwkv: "RWKV's words",
  plamo2: "PLaMo's Unigram",
  gemma4: "byte-pair encoding of Gemma 4",
  "no_vocab": "no tokenizer",
  none: "no tokenizer",
};

/**
 * What a file's kind of tokenizer says.
 *
 * @throws {LoadError} naming the key, if the kind or a setting of it is not supported
 */
export function ggufModel(metadata: GgufMetadata, vocabulary: GgufVocabulary): GgufModel {
  const key = keyOf("model"), kind = metadata.required(key, metadata.string(key));
  switch (kind) {
    case "gpt2":
      return byteLevel(metadata, vocabulary);
    case "llama":
      return sentencePiece(metadata, vocabulary);
    default: {
      const words = Object.hasOwn(REFUSED, kind) ? `${kind} (${REFUSED[kind]})` : kind;
      throw metadata.error(
        `${key} is ${words}, expected gpt2 (byte-level BPE) or llama (SentencePiece's BPE); give the model's tokenizer.json with --tokenizer-path`,
      );
    }
  }
}

function byteLevel(metadata: GgufMetadata, { tokens }: GgufVocabulary): GgufModel {
  const pre = metadata.string(keyOf("pre")) ?? "default";
  const recipe = PRE_TOKENIZERS.get(pre);
  if (recipe === undefined) {
    throw metadata.error(
      `${keyOf("pre")} is ${pre}, expected one of ${[...PRE_TOKENIZERS.keys()].join(", ")}`,
    );
  }
  const byteLevel = { type: "ByteLevel", "add_prefix_space": false, "use_regex": false };
  return {
    json: {
      normalizer: recipe.normalizer ?? null,
      "pre_tokenizer": { type: "Sequence", pretokenizers: [...recipe.patterns.map(isolated), byteLevel] },
      decoder: { type: "ByteLevel" },
      model: {
        type: "BPE",
        vocab: vocabularyOf(tokens),
        merges: metadata.required(keyOf("merges"), metadata.strings(keyOf("merges"))),
        "ignore_merges": recipe.ignoreMerges ?? false,
      },
    },
    defaults: {},
    addsBos: recipe.addBos ?? false,
  };
}

function sentencePiece(metadata: GgufMetadata, vocabulary: GgufVocabulary): GgufModel {
  const { tokens } = vocabulary, defaults = { bos: 1, eos: 2, unknown: 0 };
  if ((metadata.length(keyOf("precompiled_charsmap")) ?? 0) > 0) {
    throw metadata.error(
      `${keyOf("precompiled_charsmap")} is not supported with ${keyOf("model")} llama`,
    );
  }
  const addsSpace = metadata.boolean(keyOf("add_space_prefix")) ?? true;
  const dropsSpaces = metadata.boolean(keyOf("remove_extra_whitespaces")) ?? false;
  const vocab = vocabularyOf(tokens);
  const hasBytes = BYTE_NAMES.every((name) => Object.hasOwn(vocab, name));
  const unknown = hasBytes
    ? vocabulary.special("unknown_token_id", defaults.unknown)
    : vocabulary.neededSpecial("unknown_token_id", defaults.unknown);
  if (!hasBytes && unknown === undefined) {
    throw metadata.error(`${keyOf("tokens")} has neither tokens of single bytes nor an unknown token`);
  }
  const { control, unknown: unknownKind, byte } = TOKEN_KINDS;
  const leftOut = new Set([control, unknownKind, byte].flatMap((kind) => vocabulary.idsOf(kind)));
  if (unknown !== undefined) leftOut.add(unknown);
  for (const name of BYTE_NAMES) if (hasBytes) leftOut.add(vocab[name]!);
  const model: SentencePieceVocabulary = {
    type: "SentencePiece",
    vocab,
    scores: vocabulary.scores(),
    "left_out": [...leftOut],
    unused: vocabulary.idsOf(TOKEN_KINDS.unused),
    "byte_fallback": hasBytes,
    "unk_token": unknown === undefined ? null : tokens[unknown]!,
  };
  const removed = dropsSpaces
    ? [replaced({ Regex: "\\A +| +\\z" }, ""), replaced({ Regex: " {2,}" }, " ")]
    : [];
  const prefix = addsSpace ? [{ type: "Prepend", prepend: "▁" }] : [];
  const strip = addsSpace ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : [];
  return {
    json: {
      normalizer: {
        type: "Sequence",
        normalizers: [...removed, ...prefix, replaced({ String: " " }, "▁")],
      },
      "pre_tokenizer": null,
      decoder: {
        type: "Sequence",
        decoders: [replaced({ String: "▁" }, " "), { type: "ByteFallback" }, { type: "Fuse" }, ...strip],
      },
      model: { ...model },
    },
    defaults,
    addsBos: true,
  };
}

function vocabularyOf(tokens: readonly string[]): Record<string, number> {
  return Object.fromEntries(tokens.map((token, id) => [token, id]));
}

function replaced(pattern: object, content: string): TokenizerStep {
  return { type: "Replace", pattern, content };
}
