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

const LLAMA3_PATTERN = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}" +
  "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const GPT2: PreTokenizerRecipe = { patterns: [GPT2_PATTERN] };
const SMOLLM: PreTokenizerRecipe = { patterns: ["\\p{N}", GPT2_PATTERN] };
const LLAMA3: PreTokenizerRecipe = { patterns: [LLAMA3_PATTERN], ignoreMerges: true, addBos: true };
const QWEN2: PreTokenizerRecipe = {
  patterns: [LLAMA3_PATTERN.replace("{1,3}", "")],
  normalizer: { type: "NFC" },
};
const DEFAULT: PreTokenizerRecipe = {
  patterns: [
    "[\\p{P}\\$\\+<=>\\^~\\|]+",
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)",
    "\\p{N}+",
    "[0-9][0-9][0-9]",
  ],
};

/** Recipes by the value of `tokenizer.ggml.pre`. */
export const PRE_TOKENIZERS: ReadonlyMap<string, PreTokenizerRecipe> = new Map([
  ["default", DEFAULT],
  ["gpt-2", GPT2],
  ["olmo", GPT2],
  ["smollm", SMOLLM],
  ["starcoder", SMOLLM],
  ["llama-bpe", LLAMA3],
  ["llama3", LLAMA3],
  ["llama-v3", LLAMA3],
  ["qwen2", QWEN2],
  ["deepseek-r1-qwen", QWEN2],
]);
