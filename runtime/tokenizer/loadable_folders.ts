/**
 * Folders of Hugging Face's files from which routers and clients load the tokenizer, and what knows GGUF the model: the
 * model's own folder, or one in the cache that is made for a GGUF file.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import type { TokenizerSource, TokenizerStep } from "./source.ts";

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
function toTokenizerJson({ json, addBos, bosToken }: TokenizerSource): object {
  const added = json.added_tokens.map(({ id, content, special = false, lstrip = false, rstrip = false }) => ({
    id,
    content,
    "single_word": false,
    lstrip,
    rstrip,
    normalized: !special,
    special,
  }));
  const bosId = added.find(({ content }) => content === bosToken)?.id;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    "added_tokens": added,
    normalizer: json.normalizer,
    "pre_tokenizer": json.pre_tokenizer && complete(json.pre_tokenizer),
    "post_processor": addBos && bosToken !== undefined && bosId !== undefined
      ? beginningWith(bosToken, bosId)
      : json.post_processor,
    decoder: json.decoder && complete(json.decoder),
    model: {
      dropout: null,
      "unk_token": null,
      "continuing_subword_prefix": null,
      "end_of_word_suffix": null,
      "fuse_unk": false,
      "byte_fallback": false,
      ...json.model,
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

/** The post-processor that puts a bos token before a text. */
function beginningWith(bosToken: string, bosId: number): TokenizerStep {
  const bos = { SpecialToken: { id: bosToken, "type_id": 0 } };
  const textOf = (id: string, type: number) => ({ Sequence: { id, "type_id": type } });
  return {
    type: "TemplateProcessing",
    single: [bos, textOf("A", 0)],
    pair: [bos, textOf("A", 0), textOf("B", 1)],
    "special_tokens": { [bosToken]: { id: bosToken, ids: [bosId], tokens: [bosToken] } },
  };
}

function toTokenizerConfig(source: TokenizerSource, contextLength: number): object {
  const { bosToken, eosToken, unkToken, padToken, addBos = false, chatTemplate } = source;
  return {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": bosToken ?? null,
    "eos_token": eosToken ?? null,
    "unk_token": unkToken ?? null,
    "pad_token": padToken ?? null,
    "add_bos_token": addBos,
    "clean_up_tokenization_spaces": false,
    "model_max_length": contextLength,
    ...(chatTemplate !== undefined && { "chat_template": chatTemplate }),
  };
}
