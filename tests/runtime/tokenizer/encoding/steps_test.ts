import assert from "node:assert/strict";
import { LoadError } from "../../../../runtime/contracts/errors.ts";
import { buildNormalizer } from "../../../../runtime/tokenizer/encoding/normalizers.ts";
import { buildPreTokenizer } from "../../../../runtime/tokenizer/encoding/pre_tokenizers.ts";
import type { TokenizerStep } from "../../../../runtime/tokenizer/encoding/step.ts";
import { oddTexts } from "../../../support/odd_texts.ts";
import { askReference, needsReferences } from "../../../support/references.ts";

type Case = ({ readonly normalizer: TokenizerStep } | { readonly pre_tokenizer: TokenizerStep }) & {
  readonly texts?: readonly string[];
};

const refuse = (reason: string) => new LoadError(reason);
const rust = await needsReferences("tokenizers");
const TEXTS = oddTexts(120, 2).map((text) => text.toWellFormed());

/** Stands between characters; nothing becomes one. */
const SNOWMAN = "\u2603";

/** All code points but that, in order; of the planes that are ideographs or empty, every 97th. */
const WHOLE = Array.from({ length: 0x110000 }, (_, codePoint) => codePoint)
  .filter((codePoint) => codePoint < 0x20000 || codePoint % 97 === 0 || (codePoint >> 12) === 0xe0)
  .map((codePoint) => String.fromCodePoint(codePoint))
  .filter((character) => character.isWellFormed() && character !== SNOWMAN).join("");

const bert = (clean: boolean, chinese: boolean, accents: boolean | null, lowercase: boolean) => ({
  type: "BertNormalizer",
  "clean_text": clean,
  "handle_chinese_chars": chinese,
  "strip_accents": accents,
  lowercase,
});
const replace = (pattern: object, content: string) => ({ type: "Replace", pattern, content });

const NORMALIZERS: readonly TokenizerStep[] = [
  ...["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt"].map((type) => ({
    type,
  })),
  { type: "Strip", "strip_left": true, "strip_right": true },
  bert(true, false, false, false),
  bert(false, true, false, false),
  bert(false, false, true, false),
];

/** Expressions that find runs of one set each, and words as published tokenizers cut them. */
const SETS = [
  "L",
  "N",
  "P",
  "S",
  "M",
  "Lu",
  "Ll",
  "Nd",
  "Zs",
  "Cc",
  "Cf",
  "Cn",
  "Han",
  "Hiragana",
  "Cyrillic",
]
  .map((name) => `\\p{${name}}+`).concat(
    "\\s+",
    "\\d+",
    "\\w+",
    "\\W+",
    "[\\w]+",
    "\\h+",
    ".+",
    "(?i:[skt])+",
  );
const POSIX = [
  "alpha",
  "alnum",
  "digit",
  "upper",
  "lower",
  "punct",
  "space",
  "blank",
  "cntrl",
  "word",
  "xdigit",
]
  .map((name) => `[[:${name}:]]+`);

const split = (pattern: object, behavior = "Isolated", invert = false): TokenizerStep => ({
  type: "Split",
  pattern,
  behavior,
  invert,
});
const regex = (source: string, behavior?: string, invert?: boolean) =>
  split({ Regex: source }, behavior, invert);

Deno.test("steps: code points are what they are in the Rust library", rust, async (t) => {
  const cases: Case[] = [
    ...NORMALIZERS.map((normalizer) => ({ normalizer })),
    ...[...SETS, ...POSIX].map((source) => ({ "pre_tokenizer": regex(source, "Removed", true) })),
    ...["Whitespace", "WhitespaceSplit", "BertPreTokenizer"].map((type) => ({ "pre_tokenizer": { type } })),
    { "pre_tokenizer": { type: "Digits", "individual_digits": false } },
    { "pre_tokenizer": { type: "Punctuation", behavior: "Contiguous" } },
  ];
  const answers = await askReference("tokenizers_steps.py", { whole: WHOLE, steps: cases }) as unknown[][];
  for (const [i, step] of cases.entries()) {
    await t.step(JSON.stringify(step), () => {
      if ("normalizer" in step) {
        const normalize = buildNormalizer(step.normalizer, refuse);
        const before = [...WHOLE];
        const after = normalize(before.join(SNOWMAN)).text.split(SNOWMAN);
        assert.equal(after.length, before.length);
        assert.deepEqual(before.map((b, j) => [b, after[j]!]).filter(([b, a]) => b !== a), answers[i]);
      } else {
        const words = buildPreTokenizer(step.pre_tokenizer, refuse)(WHOLE, true);
        assert.deepEqual(
          words.map((word) => [[...word.slice(0, 2)][0]!, [...word.slice(-2)].at(-1)!].map(codePoint)),
          answers[i],
        );
      }
    });
  }
});

function codePoint(text: string): number {
  return text.codePointAt(0)!;
}

const BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"];

const SETTINGS: readonly Case[] = [
  ...NORMALIZERS,
  { type: "ByteLevel" },
  bert(true, true, null, true),
  bert(true, true, false, true),
  { type: "Strip", "strip_left": true, "strip_right": false },
  { type: "Strip", "strip_left": false, "strip_right": true },
  { type: "Prepend", prepend: "▁" },
  replace({ String: " " }, "▁"),
  replace({ String: "ab" }, "$&"),
  replace({ String: "" }, "."),
  replace({ Regex: " {2,}" }, "▁"),
  replace({ Regex: "x*" }, "-"),
  replace({ Regex: "\\p{L}" }, ""),
  { type: "Sequence", normalizers: [{ type: "NFKD" }, { type: "StripAccents" }, { type: "Lowercase" }] },
  {
    type: "Sequence",
    normalizers: [{ type: "Strip", "strip_left": true, "strip_right": true }, {
      type: "Prepend",
      prepend: "_",
    }],
  },
].map((normalizer) => ({ normalizer })) as Case[];

/** As published tokenizers have them, and one of each construct. */
const EXPRESSIONS = [
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}|\\s+(?!\\S)|\\s+",
  "[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*",
  "[^(\\s|[.,!?…。，、।۔،])]+",
  "[一-龥぀-ゟ゠-ヿ]+",
  "[\\p{L}&&[^a-m]]+",
  "[^\\w\\s]+",
  "[[:alpha:]_-]+",
  "(?>a+|b)c",
  "^.",
  ".$",
  "\\A.|.\\z",
  ".\\Z",
  "\\b\\w",
  "\\B\\w",
  "(?<=\\s)\\S|(?<!\\p{L})\\p{L}",
  "a{2}|a{,3}b|o{1,}?",
  "(?i)DON|[st]",
  "\\x41|\\x{1F600}|\\u00e9",
  "(a|b|)x",
  "",
  "\\p{^L}\\P{N}",
  "{|}|]",
];

Deno.test("steps: texts become what they become in the Rust library, by every setting", rust, async (t) => {
  const steps: TokenizerStep[] = [
    ...EXPRESSIONS.map((source) => regex(source)),
    ...BEHAVIORS.flatMap((behavior) =>
      [false, true].flatMap((invert) => [
        regex("\\s|\\p{P}+", behavior, invert),
        regex("a*", behavior, invert),
        split({ String: " " }, behavior, invert),
        split({ String: "" }, behavior, invert),
      ])
    ),
    ...BEHAVIORS.map((behavior) => ({ type: "Punctuation", behavior })),
    ...["Whitespace", "WhitespaceSplit", "BertPreTokenizer"].map((type) => ({ type })),
    ...[true, false].map((individual) => ({ type: "Digits", "individual_digits": individual })),
    ...[true, false].flatMap((space) =>
      [true, false].map((use) => ({
        type: "ByteLevel",
        "add_prefix_space": space,
        "use_regex": use,
        "trim_offsets": true,
      }))
    ),
    ...["always", "never", "first"].flatMap((scheme) =>
      [true, false].map((cut) => ({
        type: "Metaspace",
        replacement: "▁",
        "prepend_scheme": scheme,
        split: cut,
      }))
    ),
    { type: "FixedLength", length: 3 },
    {
      type: "Sequence",
      pretokenizers: [{ type: "WhitespaceSplit" }, {
        type: "Metaspace",
        replacement: "_",
        "prepend_scheme": "always",
        split: true,
      }],
    },
    {
      type: "Sequence",
      pretokenizers: [{ type: "Punctuation" }, { type: "Digits", "individual_digits": true }],
    },
  ];
  const cases = [...SETTINGS, ...steps.map((step) => ({ "pre_tokenizer": step }))]
    .map((step) => ({ ...step, texts: TEXTS })) as (Case & { texts: string[] })[];
  const answers = await askReference("tokenizers_steps.py", { whole: "", steps: cases }) as unknown[][];
  for (const [i, step] of cases.entries()) {
    const { texts: _, ...named } = step;
    await t.step(JSON.stringify(named), () => {
      assert.ok(Array.isArray(answers[i]), JSON.stringify(answers[i]));
      for (const [j, text] of TEXTS.entries()) {
        const found = "normalizer" in step
          ? buildNormalizer(step.normalizer, refuse)(text).text
          : buildPreTokenizer(step.pre_tokenizer, refuse)(text, true);
        assert.deepEqual(found, answers[i]![j], JSON.stringify(text));
      }
    });
  }
});
