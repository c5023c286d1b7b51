/**
 * Small tokenizer.json documents, one for every setting of a model, and for added tokens and post-processors.
 *
 * @module
 */
import type { AddedTokenEntry, TokenizerJson, TokenizerStep } from "../../runtime/tokenizer/source.ts";
import { BYTE_NAMES } from "../../runtime/tokenizer/encoding/bytes.ts";
import { random } from "./odd_texts.ts";

const LETTERS = [..."abcdefgst '.,▁éßあ漢-_1\n"];

/** Pieces of up to four letters, the same for the same seed, without the letters themselves. */
function pieces(seed: number, count: number, letters: readonly string[]): string[] {
  const next = random(seed);
  const found = new Set<string>();
  while (found.size < count) {
    const length = 2 + Math.floor(next() * 3);
    found.add(Array.from({ length }, () => letters[Math.floor(next() * letters.length)]!).join(""));
  }
  return [...found];
}

/** Merges that make pieces of letters, in an order that is not that of their lengths; they are pairs of known tokens. */
function bpe(seed: number, settings: Readonly<Record<string, unknown>>): TokenizerStep {
  const next = random(seed);
  const { continuing_subword_prefix: prefix = "", end_of_word_suffix: suffix = "", byte_fallback: bytes } =
    settings;
  const forms = (
    letter: string,
  ) => [...new Set([letter, `${prefix}${letter}`, `${letter}${suffix}`, `${prefix}${letter}${suffix}`])];
  const tokens = new Set(LETTERS.slice(0, -3).flatMap(forms));
  const merges: [string, string][] = [];
  const pick = () => [...tokens][Math.floor(next() * tokens.size)]!;
  while (merges.length < 150) {
    const left = pick(), right = pick();
    if ((suffix !== "" && left.endsWith(String(suffix))) || !right.startsWith(String(prefix))) continue;
    const merged = left + right.slice(String(prefix).length);
    if (merges.some(([l, r]) => l === left && r === right) || merged.length > 12) continue;
    tokens.add(merged);
    merges.push([left, right]);
  }
  const all = ["<unk>", ...(bytes ? BYTE_NAMES : []), ...tokens];
  return { type: "BPE", vocab: Object.fromEntries(all.map((token, id) => [token, id])), merges, ...settings };
}

function unigram(seed: number, settings: Readonly<Record<string, unknown>>): TokenizerStep {
  const next = random(seed);
  const all = [
    "<unk>",
    ...(settings["byte_fallback"] ? BYTE_NAMES : []),
    ...LETTERS.slice(0, -4),
    ...pieces(seed, 80, LETTERS),
  ];
  return {
    type: "Unigram",
    "unk_id": 0,
    vocab: all.map((piece) => [piece, piece === "<unk>" ? 0 : -Math.ceil(next() * 9)]),
    ...settings,
  };
}

function wordPiece(settings: Readonly<Record<string, unknown>>): TokenizerStep {
  const prefix = settings["continuing_subword_prefix"];
  const all = [
    "[UNK]",
    "a",
    "ab",
    "the",
    "s",
    "'",
    ...LETTERS.slice(0, 12).map((letter) => prefix + letter),
    `${prefix}bc`,
  ];
  return {
    type: "WordPiece",
    "unk_token": "[UNK]",
    vocab: Object.fromEntries(all.map((token, id) => [token, id])),
    ...settings,
  };
}

/** A document with this model and nothing else, or with `parts`. */
function definition(model: TokenizerStep, parts: Partial<TokenizerJson> = {}): TokenizerJson {
  return {
    "added_tokens": [],
    normalizer: null,
    "pre_tokenizer": null,
    "post_processor": null,
    decoder: null,
    model,
    ...parts,
  };
}

const METASPACE = { type: "Metaspace", replacement: "▁", "prepend_scheme": "first", split: true };
const PREPEND = {
  type: "Sequence",
  normalizers: [{ type: "Prepend", prepend: "▁" }, {
    type: "Replace",
    pattern: { String: " " },
    content: "▁",
  }],
};

const FLAGS = [false, true];

/** Models with every setting. */
const MODELS: Readonly<Record<string, TokenizerJson>> = Object.fromEntries([
  ...FLAGS.flatMap((bytes) =>
    FLAGS.flatMap((fuse) =>
      [null, "<unk>"].map((unk, i): [string, TokenizerJson] => [
        `BPE ${bytes ? "with" : "without"} bytes, ${fuse ? "fused" : "single"} ${unk}`,
        definition(
          bpe(i + 1, { "byte_fallback": bytes, "fuse_unk": fuse, "unk_token": unk, "ignore_merges": fuse }),
        ),
      ])
    )
  ),
  [
    "BPE with prefix",
    definition(bpe(5, { "continuing_subword_prefix": "##", "unk_token": "<unk>" }), {
      "pre_tokenizer": { type: "Whitespace" },
    }),
  ],
  [
    "BPE with suffix",
    definition(bpe(6, { "end_of_word_suffix": "</w>", "unk_token": "<unk>" }), {
      "pre_tokenizer": { type: "WhitespaceSplit" },
    }),
  ],
  [
    "BPE with prefix and suffix",
    definition(bpe(7, { "continuing_subword_prefix": "@", "end_of_word_suffix": "/", "unk_token": "<unk>" })),
  ],
  ["BPE of old", definition(oldMerges(bpe(8, { "unk_token": "<unk>" })))],
  ...FLAGS.map((bytes): [string, TokenizerJson] => [
    `Unigram ${bytes ? "with" : "without"} bytes`,
    definition(unigram(3, { "byte_fallback": bytes }), {
      "pre_tokenizer": METASPACE,
      normalizer: { type: "NFKC" },
    }),
  ]),
  ["Unigram of whole texts", definition(unigram(4, {}))],
  [
    "WordPiece",
    definition(wordPiece({ "continuing_subword_prefix": "##", "max_input_chars_per_word": 100 }), {
      normalizer: {
        type: "BertNormalizer",
        "clean_text": true,
        "handle_chinese_chars": true,
        "strip_accents": null,
        lowercase: true,
      },
      "pre_tokenizer": { type: "BertPreTokenizer" },
    }),
  ],
  [
    "WordPiece of short words",
    definition(wordPiece({ "continuing_subword_prefix": "", "max_input_chars_per_word": 5 }), {
      "pre_tokenizer": { type: "Whitespace" },
    }),
  ],
  [
    "WordLevel",
    definition({ type: "WordLevel", "unk_token": "?", vocab: { "?": 0, the: 1, a: 2, "'": 3 } }, {
      "pre_tokenizer": { type: "Whitespace" },
    }),
  ],
]);

/** Merges as old files have them, of tokens without spaces. */
function oldMerges(model: TokenizerStep): TokenizerStep {
  const merges = (model["merges"] as [string, string][]).filter((merge) => !merge.join("").includes(" "));
  return { ...model, merges: ["#version: 0.2", ...merges.map((merge) => merge.join(" "))] };
}

const BASE = bpe(9, { "unk_token": "<unk>", "byte_fallback": true });
const BASE_IDS = BASE["vocab"] as Readonly<Record<string, number>>;

/** Added tokens, with their ids in the vocabulary or with those behind it. */
function added(...tokens: readonly Partial<AddedTokenEntry>[]): AddedTokenEntry[] {
  let next = Object.keys(BASE_IDS).length;
  return tokens.map((token) => ({
    content: "",
    special: false,
    lstrip: false,
    rstrip: false,
    "single_word": false,
    normalized: false,
    ...token,
    id: BASE_IDS[token.content!] ?? next++,
  }));
}

const WORDS = ["<s>", "the", "ab", " a", "a b", "<s>a", "'"];

/** Every combination of an added token's settings, on tokens that overlap each other. */
const ADDED: Readonly<Record<string, TokenizerJson>> = Object.fromEntries(
  Array.from({ length: 32 }, (_, bits): [string, TokenizerJson] => {
    const flag = (bit: number) => (bits & (1 << bit)) !== 0;
    const settings = {
      special: flag(0),
      lstrip: flag(1),
      rstrip: flag(2),
      "single_word": flag(3),
      normalized: flag(4),
    };
    return [
      `added tokens ${JSON.stringify(settings)}`,
      definition(BASE, {
        "added_tokens": added(...WORDS.map((content, i) => ({ content, ...(i % 2 === 0 ? settings : {}) }))),
        normalizer: bits % 3 === 0 ? null : bits % 3 === 1 ? { type: "Lowercase" } : PREPEND,
        "pre_tokenizer": bits % 3 === 2 ? null : METASPACE,
      }),
    ];
  }),
);

const TEMPLATE = {
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: "<s>", "type_id": 0 } }, { Sequence: { id: "A", "type_id": 0 } }, {
    SpecialToken: { id: "end", "type_id": 0 },
  }],
  pair: [{ Sequence: { id: "A", "type_id": 0 } }, { Sequence: { id: "B", "type_id": 1 } }],
  "special_tokens": {
    "<s>": { id: "<s>", ids: [1, 2], tokens: ["<s>", "x"] },
    end: { id: "end", ids: [3], tokens: ["end"] },
  },
};

/** Post-processors. */
const AROUND: Readonly<Record<string, TokenizerJson>> = Object.fromEntries([
  TEMPLATE,
  { type: "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
  { type: "BertProcessing", sep: ["s", 5], cls: ["c", 6] },
  { type: "RobertaProcessing", sep: ["s", 5], cls: ["c", 6], "trim_offsets": true, "add_prefix_space": true },
  {
    type: "Sequence",
    processors: [
      { type: "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true },
      TEMPLATE,
    ],
  },
].map((
  processor,
) => [`post-processor ${processor.type}`, definition(BASE, { "post_processor": processor })]));

/** All documents by name. */
export const TINY_DEFINITIONS: Readonly<Record<string, TokenizerJson>> = { ...MODELS, ...ADDED, ...AROUND };
