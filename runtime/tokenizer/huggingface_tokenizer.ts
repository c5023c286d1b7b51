/**
 * Reads a tokenizer from a Hugging Face folder: tokenizer.json, the files beside it, chat_template.jinja.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { readJsonFile, readTextFile } from "../tensor_files/text_file.ts";
import { checkAddedTokens, checkTokenizer } from "./check_tokenizer.ts";
import { LoadError } from "../contracts/errors.ts";
import { readSpecialTokens, TOKEN_FIELDS } from "./special_token_files.ts";
import { idsByText, type TokenizerSource, type TokenizerStep } from "./source.ts";

const STEP = z.looseObject({ type: z.string() });

const TOKENIZER_JSON = z.looseObject({
  "added_tokens": z.array(z.looseObject({
    id: z.int().nonnegative(),
    content: z.string().min(1),
    special: z.boolean().default(false),
    lstrip: z.boolean().default(false),
    rstrip: z.boolean().default(false),
    "single_word": z.boolean().default(false),
    normalized: z.boolean().optional(),
  })).default([]),
  normalizer: STEP.nullable().default(null),
  "pre_tokenizer": STEP.nullable().default(null),
  "post_processor": STEP.nullable().default(null),
  decoder: STEP.nullable().default(null),
  // The vocabulary is checked where it is used.
  model: z.looseObject({ type: z.string().optional() }).transform((model): TokenizerStep => ({
    ...model,
    type: modelType(model),
  })),
});

/** Old files leave the model's type out, which its other fields show. */
function modelType(model: Readonly<Record<string, unknown>>): string {
  if (typeof model["type"] === "string") return model["type"];
  if (Array.isArray(model["vocab"])) return "Unigram";
  if (typeof model["continuing_subword_prefix"] === "string" && model["merges"] === undefined) {
    return "WordPiece";
  }
  return "BPE";
}

const TOKENIZER_CONFIG = z.looseObject({
  ...TOKEN_FIELDS,
  "add_bos_token": z.boolean().nullish(),
  "add_eos_token": z.boolean().nullish(),
  "chat_template": z.union([
    z.string(),
    z.array(z.object({ name: z.string(), template: z.string() })),
  ]).nullish(),
});

/**
 * Reads the tokenizer of a model folder.
 *
 * @throws {LoadError} if tokenizer.json is absent, or a file cannot be read or understood
 */
export async function readHuggingFaceTokenizer(folder: string): Promise<TokenizerSource> {
  const path = join(folder, "tokenizer.json");
  const json = await readJsonFile(path, TOKENIZER_JSON);
  checkTokenizer(path, json);
  const configPath = join(folder, "tokenizer_config.json");
  const config = await readJsonFile(configPath, TOKENIZER_CONFIG, {});
  const templateFile = await readTextFile(join(folder, "chat_template.jinja"), "");
  const { chat_template: templates } = config;
  const chatTemplate = templateFile !== "" ? templateFile : namedTemplate(templates, "default");
  const toolTemplate = templateFile !== "" ? undefined : namedTemplate(templates, "tool_use");

  const { named, addedTokens } = await readSpecialTokens(folder, config, json);
  checkAddedTokens(addedTokens, (reason) => new LoadError(`Cannot read ${configPath}: ${reason}`));
  const { bos_token: bosToken, eos_token: eosToken, unk_token: unkToken, pad_token: padToken } = named;
  const eosId = eosToken === undefined
    ? undefined
    : idsByText({ ...json, "added_tokens": addedTokens }).get(eosToken);
  return {
    path,
    json: { ...json, "added_tokens": addedTokens },
    ...(bosToken !== undefined && { bosToken }),
    ...(eosToken !== undefined && { eosToken }),
    ...(unkToken !== undefined && { unkToken }),
    ...(padToken !== undefined && { padToken }),
    eosTokenIds: eosId === undefined ? [] : [eosId],
    ...(typeof config.add_bos_token === "boolean" && { addBos: config.add_bos_token }),
    ...(typeof config.add_eos_token === "boolean" && { addEos: config.add_eos_token }),
    chatAddsBos: false,
    ...(chatTemplate !== undefined && { chatTemplate }),
    ...(toolTemplate !== undefined && { toolTemplate }),
  };
}

type ChatTemplateField = z.infer<typeof TOKENIZER_CONFIG>["chat_template"];

/** One of several templates by name; a single one is the default. */
function namedTemplate(
  field: ChatTemplateField,
  name: "default" | "tool_use",
): string | undefined {
  if (!Array.isArray(field)) return name === "default" ? field ?? undefined : undefined;
  return field.find((template) => template.name === name)?.template;
}
