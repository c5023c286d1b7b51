/**
 * Pre-tokenizers that GGUF files name. They follow llama.cpp's src/llama-vocab.cpp and the tokenizer.json files the names
 * stand for; a name says how text is cut, whatever the model's architecture.
 *
 * @module
 */
import { GPT2_PATTERN } from "./encoding/pre_tokenizers.ts";
import type { TokenizerStep } from "./source.ts";

/** What a value of `tokenizer.ggml.pre` stands for. */
export interface PreTokenizerRecipe {
  /** Regular expressions that cut a text, one after the other. */
  readonly patterns: readonly string[];
  /** Changes text first. */
  readonly normalizer?: TokenizerStep;
  /** A whole word in the vocabulary is taken as it is. */
  readonly ignoreMerges?: boolean;
  /** Where `tokenizer.ggml.add_bos_token` is not set. */
  readonly addBos?: boolean;
}

const CONTRACTION = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";

/** What comes after words and numbers in Llama 3's pattern: marks, ends of lines, white space. */
const REST = String.raw`| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const REST_WITH_SLASHES = REST.replace(String.raw`[\r\n]*`, String.raw`[\r\n/]*`);

const LLAMA3_PATTERN = String.raw`${CONTRACTION}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}${REST}`;
const QWEN2_PATTERN = String.raw`${CONTRACTION}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}${REST}`;
const QWEN35_PATTERN = String.raw`${CONTRACTION}|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}` +
  REST.replace(String.raw`\p{L}`, String.raw`\p{L}\p{M}`);

/** Words that begin anew where capital letters follow small ones, with what may stand behind. */
function casedWords(behind: string): string {
  const before = String.raw`[^\r\n\p{L}\p{N}]?`;
  const capital = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, small = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
  return `${before}${capital}*${small}+${behind}|${before}${capital}+${small}*${behind}`;
}

const TEKKEN_PATTERN = String.raw`${casedWords("")}|\p{N}${REST_WITH_SLASHES}`;
const GPT4O_PATTERN = String.raw`${casedWords(`${CONTRACTION}?`)}|\p{N}{1,3}${REST_WITH_SLASHES}`;

/** Letters of scripts that have capital ones, as DeepSeek's first models list them. */
const DEEPSEEK_LETTERS =
  "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃";
const DEEPSEEK_CHINESE = "[一-龥ࠀ-一가-퟿]+";

const GPT2: PreTokenizerRecipe = { patterns: [GPT2_PATTERN] };
const GPT2_SINGLE_DIGITS: PreTokenizerRecipe = { patterns: [String.raw`\p{N}`, GPT2_PATTERN] };
const CL100K: PreTokenizerRecipe = { patterns: [LLAMA3_PATTERN] };
const LLAMA3: PreTokenizerRecipe = { patterns: [LLAMA3_PATTERN], ignoreMerges: true, addBos: true };
const QWEN2: PreTokenizerRecipe = { patterns: [QWEN2_PATTERN], normalizer: { type: "NFC" } };
const DEEPSEEK3: PreTokenizerRecipe = {
  patterns: [
    String.raw`\p{N}{1,3}`,
    "[一-龥぀-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+" +
    String.raw`|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
  ],
};

/** Recipes and the values of `tokenizer.ggml.pre` that stand for them. */
const RECIPES: readonly (readonly [PreTokenizerRecipe, ...names: string[]])[] = [
  [
    {
      patterns: [
        String.raw`[\p{P}\$\+<=>\^~\|]+`,
        String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)`,
        String.raw`\p{N}+`,
        "[0-9][0-9][0-9]",
      ],
    },
    "default",
  ],
  [GPT2, "gpt-2", "phi-2", "olmo"],
  [GPT2_SINGLE_DIGITS, "smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b"],
  [{ ...GPT2_SINGLE_DIGITS, normalizer: { type: "NFC" } }, "command-r"],
  [LLAMA3, "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "lfm2"],
  [CL100K, "dbrx", "smaug-bpe", "chatglm-bpe"],
  [{ ...CL100K, ignoreMerges: true }, "glm4"],
  [QWEN2, "qwen2", "deepseek-r1-qwen", "megrez"],
  [{ patterns: [QWEN35_PATTERN], normalizer: { type: "NFC" } }, "qwen35"],
  [{ patterns: [TEKKEN_PATTERN], ignoreMerges: true, addBos: true }, "tekken"],
  [{ patterns: [GPT4O_PATTERN] }, "gpt-4o", "llama4"],
  [
    {
      patterns: [
        String.raw`[\r\n]`,
        String.raw`\s?[${DEEPSEEK_LETTERS}]+`,
        String.raw`\s?[!-/:-~！-／：-～‘-‟　-。]+`,
        String.raw`\s+$`,
        DEEPSEEK_CHINESE,
        String.raw`\p{N}+`,
      ],
    },
    "deepseek-llm",
  ],
  [
    {
      patterns: [
        String.raw`[\r\n]`,
        String.raw`\s?\p{L}+`,
        String.raw`\s?\p{P}+`,
        DEEPSEEK_CHINESE,
        String.raw`\p{N}`,
      ],
    },
    "deepseek-coder",
  ],
  [DEEPSEEK3, "deepseek-v3", "hunyuan-dense"],
];

/** Recipes by the value of `tokenizer.ggml.pre`. */
export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizerRecipe> = new Map(
  RECIPES.flatMap(([recipe, ...names]) => names.map((name) => [name, recipe] as const)),
);
