/**
 * What tokenizer_config.json, special_tokens_map.json and added_tokens.json say of tokens, put together with
 * tokenizer.json as transformers 5 does it. The two old files count only where tokenizer_config.json has no
 * `added_tokens_decoder`.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { LoadError } from "../contracts/errors.ts";
import { readJsonFile } from "../tensor_files/text_file.ts";
import { vocabularyOf } from "./encoding/model.ts";
import type { AddedTokenEntry, TokenizerJson } from "./source.ts";

/** An added token as these files write it; `special` is of no account where the place says that it is. */
const ADDED_TOKEN = z.looseObject({
  content: z.string().min(1),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  "single_word": z.boolean().default(false),
  normalized: z.boolean().optional(),
  special: z.boolean().default(false),
});

const TOKEN = z.union([z.string(), ADDED_TOKEN]);
const NAMED = TOKEN.nullish();
const EXTRA = z.union([z.array(TOKEN), z.record(z.string(), TOKEN)]).nullish();

/** Fields that tokenizer_config.json and special_tokens_map.json share. */
const SPECIAL_TOKEN_FIELDS = {
  "bos_token": NAMED,
  "eos_token": NAMED,
  "unk_token": NAMED,
  "pad_token": NAMED,
  "sep_token": NAMED,
  "cls_token": NAMED,
  "mask_token": NAMED,
  "extra_special_tokens": EXTRA,
  "additional_special_tokens": EXTRA,
};

/** Fields of tokenizer_config.json that say which texts are tokens. */
export const TOKEN_FIELDS = {
  ...SPECIAL_TOKEN_FIELDS,
  "added_tokens_decoder": z.record(z.string().regex(/^\d{1,9}$/), ADDED_TOKEN).nullish(),
};

const CONFIG = z.looseObject(TOKEN_FIELDS);
const MAP = z.looseObject(SPECIAL_TOKEN_FIELDS);
const ADDED_TOKENS = z.record(z.string().min(1), z.int().nonnegative());

type Config = z.infer<typeof CONFIG>;
type Token = z.infer<typeof TOKEN>;
type Flags = Omit<AddedTokenEntry, "id">;

/** Names of tokens that templates and texts begin and end with. */
const NAMES = [
  "bos_token",
  "eos_token",
  "unk_token",
  "pad_token",
  "sep_token",
  "cls_token",
  "mask_token",
] as const;

/** What all files say together. */
export interface SpecialTokenFiles {
  /** Texts by name. */
  readonly named: Readonly<Partial<Record<(typeof NAMES)[number], string>>>;
  /** All added tokens. */
  readonly addedTokens: readonly AddedTokenEntry[];
}

/**
 * Reads the two old files where they count, and puts all together.
 *
 * @throws {LoadError} if a file cannot be understood, or gives a token an id that it cannot have
 */
export async function readSpecialTokens(
  folder: string,
  config: Config,
  json: TokenizerJson,
): Promise<SpecialTokenFiles> {
  const { added_tokens_decoder: decoder } = config;
  if (decoder) {
    const path = join(folder, "tokenizer_config.json"), tokens = new TokenList(path, json);
    const entries = Object.entries(decoder).map(([id, token]) => ({ ...token, id: Number(id) }));
    for (const entry of entries.toSorted((a, b) => a.id - b.id)) tokens.add(entry);
    const listed = new Set(entries.map(({ content }) => content));
    return finish(config, tokens, (content) => listed.has(content));
  }
  const map = await readJsonFile(join(folder, "special_tokens_map.json"), MAP, {});
  const merged = { ...config, ...map };
  const path = join(folder, "added_tokens.json"), tokens = new TokenList(path, json);
  const added = await readJsonFile(path, ADDED_TOKENS, {});
  const special = new Set([...namedTokens(merged), ...extraTokens(merged.extra_special_tokens)].map(textOf));
  for (const [content, id] of Object.entries(added).toSorted(([, a], [, b]) => a - b)) {
    if (!tokens.has(content)) tokens.add({ id, content, special: special.has(content) });
  }
  return finish(merged, tokens, () => true);
}

/** `becomesSpecial` says whether a token that was added as a plain one is special if a name is given to it. */
function finish(
  config: Config,
  tokens: TokenList,
  becomesSpecial: (content: string) => boolean,
): SpecialTokenFiles {
  for (const token of namedTokens(config)) {
    const content = textOf(token);
    if (!tokens.has(content)) tokens.addSpecial(token);
    else if (becomesSpecial(content)) tokens.makeSpecial(content);
  }
  for (const token of extraTokens(config.extra_special_tokens ?? config.additional_special_tokens)) {
    if (!tokens.has(textOf(token))) tokens.addSpecial(token);
  }
  const named = NAMES.map((name) => [name, config[name]] as const).filter(([, token]) => token);
  return {
    named: Object.fromEntries(named.map(([name, token]) => [name, textOf(token!)])),
    addedTokens: tokens.entries(),
  };
}

function namedTokens(config: Config): Token[] {
  return NAMES.map((name) => config[name]).filter((token) => token !== null && token !== undefined);
}

function extraTokens(field: z.infer<typeof EXTRA>): Token[] {
  return Object.values(field ?? []);
}

function textOf(token: Token): string {
  return typeof token === "string" ? token : token.content;
}

/** The added tokens of a tokenizer, which grow as the Rust library lets them. */
class TokenList {
  readonly #path: string;
  readonly #byContent: Map<string, AddedTokenEntry>;
  readonly #vocabulary: ReadonlyMap<string, number>;

  /** `path` is the file that is to blame for what is added. */
  constructor(path: string, { added_tokens: entries, model }: TokenizerJson) {
    this.#path = path;
    this.#byContent = new Map(entries.map((entry) => [entry.content, entry]));
    this.#vocabulary = vocabularyOf(model);
  }

  has(content: string): boolean {
    return this.#byContent.has(content);
  }

  entries(): AddedTokenEntry[] {
    return [...this.#byContent.values()].toSorted((a, b) => a.id - b.id);
  }

  /** Adds a token, or changes the settings of one. */
  add({ id, ...flags }: AddedTokenEntry): void {
    const { content } = flags, found = this.#idOf(content) ?? this.#nextId();
    if (found !== id) {
      throw new LoadError(
        `Cannot read ${this.#path}: ${
          JSON.stringify(content)
        } has id ${id}, expected ${found} by tokenizer.json`,
      );
    }
    this.#set(id, flags);
  }

  /** Makes an added token a special one. */
  makeSpecial(content: string): void {
    const { id, ...flags } = this.#byContent.get(content)!;
    this.#set(id, { ...flags, normalized: flags.normalized ?? !flags.special, special: true });
  }

  /** Adds a special token, if the vocabulary has its text. */
  addSpecial(token: Token): void {
    const content = textOf(token), id = this.#vocabulary.get(content);
    if (id === undefined) return;
    const flags: Flags = typeof token === "string" ? { content } : token;
    this.#set(id, { ...flags, normalized: flags.normalized ?? false, special: true });
  }

  #idOf(content: string): number | undefined {
    return this.#byContent.get(content)?.id ?? this.#vocabulary.get(content);
  }

  #nextId(): number {
    const last = [...this.#byContent.values()].reduce((last, { id }) => Math.max(last, id), -1);
    return Math.max(last + 1, this.#vocabulary.size);
  }

  #set(id: number, { content, lstrip, rstrip, special, normalized, ...flags }: Flags): void {
    this.#byContent.set(content, {
      id,
      content,
      special: special ?? false,
      lstrip: lstrip ?? false,
      rstrip: rstrip ?? false,
      "single_word": flags.single_word ?? false,
      ...(normalized !== undefined && { normalized }),
    });
  }
}
