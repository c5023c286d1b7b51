/**
 * Folders of Hugging Face's files from which routers and clients load the tokenizer, and what knows GGUF the model: the
 * model's own folder, or one in the cache that is made for a GGUF file.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import { asMergeList } from "./sentencepiece_merges.ts";
import { isSentencePiece } from "./encoding/sentencepiece.ts";
import type { AddedTokenEntry, TokenizerSource, TokenizerStep } from "./source.ts";

/** What {@linkcode ensureLoadableFolders} needs besides the tokenizer. */
export interface LoadableFoldersOptions {
  /** Folder that folders are made in. */
  readonly cacheDir: string;
  /** Longest sequence in tokens. */
  readonly contextLength: number;
  /** Files of the model. */
  readonly modelFiles: readonly string[];
}

/** Where to load from. */
export interface LoadableFolders {
  /** Has tokenizer.json and tokenizer_config.json. */
  readonly tokenizer: string;
  /** Has the same and the model; undefined if what the user named can be loaded as it is. */
  readonly model?: string;
}

/**
 * Finds the folders, or makes one with the tokenizer's files and a link to the model's. That is named by the model and a
 * hash of what is in it, and appears as a whole: processes that start together may all make it.
 */
export async function ensureLoadableFolders(
  source: TokenizerSource,
  { cacheDir, contextLength, modelFiles }: LoadableFoldersOptions,
): Promise<LoadableFolders> {
  if (basename(source.path) === "tokenizer.json") return { tokenizer: dirname(source.path) };
  const files = {
    "tokenizer.json": JSON.stringify(toTokenizerJson(source)),
    "tokenizer_config.json": JSON.stringify(toTokenizerConfig(source, contextLength), undefined, 2),
  };
  const gguf = modelFiles.find((file) => file.endsWith(".gguf")), link = gguf && resolve(gguf);
  const hash = createHash("sha256");
  for (const text of [...Object.values(files), link ?? ""]) hash.update(text).update("\0");
  const name = basename(link ?? source.path).replace(/\.gguf$/, "");
  const folder = join(cacheDir, `${name}-${hash.digest("hex").slice(0, 12)}`);
  if (!await isThere(folder)) {
    await make(folder, files, link);
    await removeDead(cacheDir);
  }
  return { tokenizer: folder, ...(link !== undefined && { model: folder }) };
}

async function make(
  folder: string,
  files: Readonly<Record<string, string>>,
  link: string | undefined,
): Promise<void> {
  const temporary = `${folder}.${crypto.randomUUID()}`;
  await Deno.mkdir(temporary, { recursive: true });
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(temporary, name), text);
    if (link !== undefined) await Deno.symlink(link, join(temporary, basename(link)));
    await Deno.rename(temporary, folder);
  } catch (error) {
    await Deno.remove(temporary, { recursive: true }).catch(() => {});
    // Another process was first.
    if (!await isThere(folder)) throw error;
  }
}

/** Removes the folders of models that are gone, but what another process is at. */
async function removeDead(cacheDir: string): Promise<void> {
  for (const { name } of await Array.fromAsync(Deno.readDir(cacheDir))) {
    const folder = join(cacheDir, name);
    const entries = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
    const link = entries.find(({ isSymlink }) => isSymlink);
    if (link === undefined) continue;
    const isDead = await Deno.stat(join(folder, link.name)).then(
      () => false,
      (error) => error instanceof Deno.errors.NotFound,
    );
    if (isDead) await Deno.remove(folder, { recursive: true }).catch(() => {});
  }
}

async function isThere(folder: string): Promise<boolean> {
  return await Deno.stat(join(folder, "tokenizer_config.json")).then(({ isFile }) => isFile, () => false);
}

/** The document with every field that the Rust library asks for. */
function toTokenizerJson(source: TokenizerSource): object {
  const { json } = source;
  const added = json.added_tokens.map((
    { id, content, special = false, lstrip = false, rstrip = false, normalized = !special },
  ) => ({ id, content, "single_word": false, lstrip, rstrip, normalized, special }));
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    "added_tokens": added,
    normalizer: json.normalizer,
    "pre_tokenizer": json.pre_tokenizer && complete(json.pre_tokenizer),
    "post_processor": surrounding(source) ?? json.post_processor,
    decoder: json.decoder && complete(json.decoder),
    model: {
      dropout: null,
      "unk_token": null,
      "continuing_subword_prefix": null,
      "end_of_word_suffix": null,
      "fuse_unk": false,
      "byte_fallback": false,
      ...isSentencePiece(json.model) ? asMergeList(json.model) : json.model,
    },
  };
}

/** A step, and the steps in it, with the settings that a `ByteLevel` must state; a text gets no space put before it. */
function complete(step: TokenizerStep): TokenizerStep {
  if (step.type === "ByteLevel") {
    return { "add_prefix_space": false, "trim_offsets": true, "use_regex": true, ...step };
  }
  const { pretokenizers } = step;
  if (!Array.isArray(pretokenizers)) return step;
  return { ...step, pretokenizers: pretokenizers.map((part: TokenizerStep) => complete(part)) };
}

/** The post-processor that puts a bos token before a text, and an eos token behind it, where that is to be. */
function surrounding(source: TokenizerSource): TokenizerStep | undefined {
  const { json, addBos, bosToken, addEos, eosToken } = source;
  const tokenOf = (isAdded: boolean | undefined, text: string | undefined) =>
    isAdded ? json.added_tokens.find(({ content }) => content === text) : undefined;
  const bos = tokenOf(addBos, bosToken), eos = tokenOf(addEos, eosToken);
  if (bos === undefined && eos === undefined) return undefined;
  const around = (token: AddedTokenEntry | undefined, type: number) =>
    token === undefined ? [] : [{ SpecialToken: { id: token.content, "type_id": type } }];
  const textOf = (id: string, type: number) => ({ Sequence: { id, "type_id": type } });
  const single = [...around(bos, 0), textOf("A", 0), ...around(eos, 0)];
  const specials = [bos, eos].filter((token) => token !== undefined).map(({ id, content }) =>
    [content, { id: content, ids: [id], tokens: [content] }] as const
  );
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, textOf("B", 1), ...around(eos, 1)],
    "special_tokens": Object.fromEntries(specials),
  };
}

function toTokenizerConfig(source: TokenizerSource, contextLength: number): object {
  const { bosToken, eosToken, unkToken, padToken, addBos = false, addEos = false, chatTemplate } = source;
  return {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": bosToken ?? null,
    "eos_token": eosToken ?? null,
    "unk_token": unkToken ?? null,
    "pad_token": padToken ?? null,
    "add_bos_token": addBos,
    "add_eos_token": addEos,
    "clean_up_tokenization_spaces": false,
    "model_max_length": contextLength,
    ...(chatTemplate !== undefined && { "chat_template": chatTemplate }),
  };
}
