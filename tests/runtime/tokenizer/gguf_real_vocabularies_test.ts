/**
 * Published vocabularies as llama.cpp's converter writes them: the ids are those of their tokenizer.json, which another
 * test compares with PyPI tokenizers.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { GgufValue } from "../../../runtime/tensor_files/gguf.ts";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import { buildPreTokenizer, isolated } from "../../../runtime/tokenizer/encoding/pre_tokenizers.ts";
import { ggufTokenizer } from "../../../runtime/tokenizer/gguf_tokenizer.ts";
import type { TokenizerJson, TokenizerStep } from "../../../runtime/tokenizer/source.ts";
import { loadTokenizer, type Tokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { oddTexts } from "../../support/odd_texts.ts";
import { OTHER_VOCABULARIES, REAL_VOCABULARIES } from "../../support/real_vocabularies.ts";
import { ggufOf } from "../../support/gguf_tokenizers.ts";

const NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4, BYTE = 6;

/**
 * Texts without the sign that SentencePiece has for a space, which user-defined tokens are looked for by in one way only,
 * and without a digit that is newer than the Rust library.
 */
const TEXTS = oddTexts(150, 5).map((text) => text.toWellFormed().replaceAll(/[▁\u{11de0}]/gu, ""));

function published(json: TokenizerJson): Tokenizer {
  return loadTokenizer({ path: "published", json, eosTokenIds: [], chatAddsBos: false });
}

function fromGguf(values: Readonly<Record<string, GgufValue>>): Tokenizer {
  return loadTokenizer(ggufTokenizer(ggufOf(values)));
}

/** Texts and kinds of a vocabulary by id. */
function vocabularyOf({ added_tokens: added, model }: TokenizerJson) {
  const tokens: string[] = [], kinds: number[] = [];
  for (const [text, id] of Object.entries(model["vocab"] as Readonly<Record<string, number>>)) {
    tokens[id] = text;
    kinds[id] = /^<0x[0-9A-F]{2}>$/.test(text) ? BYTE : NORMAL;
  }
  for (const { id, content, special } of added) {
    tokens[id] = special ? content : content.replaceAll("▁", " ");
    kinds[id] = content === "<unk>" ? UNKNOWN : special ? CONTROL : USER_DEFINED;
  }
  for (let id = 0; id < tokens.length; id++) tokens[id] ??= `[PAD${id}]`;
  return { tokens, "token_type": Int32Array.from(tokens, (_, id) => kinds[id] ?? NORMAL) };
}

function mergesOf({ model }: TokenizerJson): string[] {
  const merges = model["merges"] as readonly (string | readonly [string, string])[];
  return merges.map((merge) => typeof merge === "string" ? merge : merge.join(" "));
}

function compare(one: Tokenizer, other: Tokenizer, texts: readonly string[]): void {
  for (const text of texts) {
    for (const parseSpecial of [true, false]) {
      const options = { addSpecialTokens: false, parseSpecial };
      assert.deepEqual(
        [...one.encode(text, options)],
        [...other.encode(text, options)],
        JSON.stringify(text),
      );
    }
  }
}

const BYTE_LEVEL = {
  "Llama 3.1": "llama-bpe",
  "Qwen3": "qwen2",
  "DeepSeek V3": "deepseek-v3",
  "GPT-4o": "gpt-4o",
};
for (const [name, pre] of Object.entries(BYTE_LEVEL)) {
  Deno.test(`gguf: pre ${pre} gives the ids of ${name}`, async () => {
    const json = (await { ...REAL_VOCABULARIES, ...OTHER_VOCABULARIES }[name]!()).default as TokenizerJson;
    const fields = { ...vocabularyOf(json), model: "gpt2", pre, merges: mergesOf(json) };
    compare(fromGguf(fields), published(json), TEXTS);
  });
}

/** Scores by the place of a token's first merge, as SentencePiece's trainer gives them. */
function scoresOf(json: TokenizerJson, numTokens: number): Float32Array<ArrayBuffer> {
  const vocab = json.model["vocab"] as Readonly<Record<string, number>>;
  const scores = new Float32Array(numTokens).fill(-1e6);
  for (const [rank, merge] of mergesOf(json).toReversed().entries()) {
    const id = vocab[merge.replace(" ", "")]!;
    scores[id] = rank - 1e6;
  }
  return scores;
}

for (const [name, addsSpace] of [["Llama 2", true], ["Gemma 3", false]] as const) {
  Deno.test(`gguf: scores give the ids of ${name}`, async () => {
    const json = (await REAL_VOCABULARIES[name]!()).default as TokenizerJson;
    const vocabulary = vocabularyOf(json);
    const scores = scoresOf(json, vocabulary.tokens.length);
    const bos = json.added_tokens.find(({ content }) => /^<b?o?s>$/.test(content))!.id;
    const fields = {
      ...vocabulary,
      model: "llama",
      scores,
      "bos_token_id": bos,
      "add_space_prefix": addsSpace,
    };
    compare(fromGguf(fields), published(json), TEXTS);
  });
}

const byteLevel = (useRegex: boolean) => ({
  type: "ByteLevel",
  "add_prefix_space": false,
  "trim_offsets": true,
  "use_regex": useRegex,
});
const digits: TokenizerStep = { type: "Digits", "individual_digits": true };
const sequence = (...pretokenizers: TokenizerStep[]) => ({ type: "Sequence", pretokenizers });

/** Steps of the published tokenizer.json files, where the vocabulary is of no matter. */
const PUBLISHED: readonly (readonly [TokenizerStep, ...names: string[]])[] = [
  [byteLevel(true), "gpt-2", "phi-2", "olmo"],
  [sequence(digits, byteLevel(true)), "smollm", "starcoder", "refact", "codeshell"],
  [
    sequence(
      isolated(
        "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+" +
          "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" +
          "|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      ),
      byteLevel(false),
    ),
    "tekken",
  ],
  [
    sequence(
      isolated(
        "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" +
          "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      ),
      byteLevel(false),
    ),
    "dbrx",
    "smaug-bpe",
  ],
];

Deno.test("gguf: other names cut text as the published files do", () => {
  const refuse = (reason: string) => new LoadError(reason);
  for (const [step, ...names] of PUBLISHED) {
    const expected = buildPreTokenizer(step, refuse);
    for (const pre of names) {
      const { json } = ggufTokenizer(ggufOf({ tokens: ["a"], merges: [], model: "gpt2", pre }));
      const cut = buildPreTokenizer(json["pre_tokenizer"], refuse);
      for (const text of TEXTS) {
        if (text !== "") {
          assert.deepEqual(cut(text, true), expected(text, true), `${pre} ${JSON.stringify(text)}`);
        }
      }
    }
  }
});
