/**
 * Fetches models from the Hugging Face Hub into its cache, and finds them there without a network.
 *
 * @module
 */
import { join } from "node:path";
import { LoadError } from "../contracts/errors.ts";
import { findGgufFiles, findModelFiles, readShardNames } from "./local_model.ts";
import type { ModelFiles, OnProgress } from "./model_files.ts";
import { chooseWeights, type LoadFormat, splitOf } from "./weight_files.ts";

/** Settings of a download from the hub; tests replace `fetch`. */
export interface HubModelOptions {
  /** Cache folder; undefined uses the hub's own. */
  readonly downloadDir?: string | undefined;
  /** Branch, tag or commit; `main` if undefined. */
  readonly revision?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Of the weights; `auto` if absent. */
  readonly loadFormat?: LoadFormat | undefined;
  readonly fetch?: typeof fetch;
}

/** Small files that a model may need besides its weights. */
const SIDE_FILES = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "chat_template.jinja",
  "modules.json",
  "1_Pooling/config.json",
];

const COMMIT = /^[0-9a-f]{40}$/;

/** True if `text` has the form of a hub id, `owner/repo` or `owner/repo:file`. */
export function isHubId(text: string): boolean {
  return /^[\w-][\w.-]*\/[\w.-]+(:.+)?$/.test(text) && !/^[^:]*\.(gguf|safetensors)$/.test(text);
}

/**
 * Files of a hub model, downloaded as far as the cache lacks them.
 *
 * @throws {LoadError} if the repository is unknown, gated or out of reach, or holds no model
 */
export async function fetchHubModel(id: string, options: HubModelOptions): Promise<ModelFiles> {
  const [repo, file] = splitId(id);
  const snapshot = await openSnapshot(id, repo, options);
  const { folder, download } = snapshot, names = [...snapshot.sizes.keys()];
  const gguf = file ?? onlyGguf(id, names, options.loadFormat);
  if (gguf !== undefined) {
    for (const part of splitOf(gguf)?.files ?? [gguf]) await download(part);
    return await findGgufFiles(id, join(folder, gguf));
  }
  const weights = chooseWeights(names, options.loadFormat ?? "auto")!;
  for (const name of SIDE_FILES.filter((name) => names.includes(name))) await download(name);
  if ("index" in weights) await download(weights.index);
  const files = "index" in weights ? await readShardNames(folder, weights.index) : weights.files;
  for (const name of files) await download(name);
  return await findModelFiles(id, folder, weights.kind);
}

/**
 * Downloads the files of a hub repository that `choose` names; returns the folder they are in.
 *
 * @throws {LoadError} if the repository is unknown, gated or out of reach
 */
export async function fetchHubFiles(
  repo: string,
  choose: (names: readonly string[]) => readonly string[],
  options: HubModelOptions,
): Promise<string> {
  const snapshot = await openSnapshot(repo, repo, options);
  for (const name of choose([...snapshot.sizes.keys()])) await snapshot.download(name);
  return snapshot.folder;
}

interface Snapshot {
  readonly folder: string;
  /** Sizes of the repository's files by path. */
  readonly sizes: ReadonlyMap<string, number | undefined>;
  /** Brings a file into the folder. */
  download(name: string): Promise<void>;
}

async function openSnapshot(id: string, repo: string, options: HubModelOptions): Promise<Snapshot> {
  // Loaded on demand: most starts need no hub, and it is the largest dependency.
  const hub = await import("@huggingface/hub");
  const cacheDir = options.downloadDir ?? hub.getHFHubCachePath();
  const storage = join(cacheDir, hub.getRepoFolderName({ name: repo, type: "model" }));
  const reference = options.revision ?? "main";
  const head = join(storage, "refs", reference);
  let onBytes = (_bytes: number) => {};
  const accessToken = Deno.env.get("HF_TOKEN");
  const request = {
    fetch: countingFetch(options.fetch ?? fetch, (bytes) => onBytes(bytes)),
    ...(accessToken && { accessToken }),
  };

  const sizes = new Map<string, number | undefined>();
  let revision: string;
  try {
    const asked = options.revision !== undefined && { revision: options.revision };
    revision = (await hub.modelInfo({ name: repo, ...asked, additionalFields: ["sha"], ...request })).sha;
    for await (const entry of hub.listFiles({ repo, revision, ...request })) {
      sizes.set(entry.path, entry.size);
    }
    await Deno.mkdir(join(head, ".."), { recursive: true });
    await Deno.writeTextFile(head, revision);
  } catch (error) {
    if (error instanceof hub.HubApiError) throw hubError(id, error.statusCode, error.message);
    // A commit has no entry among the names where another program has brought it here.
    revision = (await Deno.readTextFile(head).catch(() => COMMIT.test(reference) ? reference : "")).trim();
    if (revision === "") throw unreachable(id, cacheDir, error);
    sizes.clear();
    try {
      for await (const entry of Deno.readDir(join(storage, "snapshots", revision))) {
        sizes.set(entry.name, undefined);
      }
    } catch {
      throw unreachable(id, cacheDir, error);
    }
  }

  const download = async (name: string): Promise<void> => {
    // The library writes to a fixed temporary name: two processes at once would mix their bytes.
    using lock = await Deno.open(join(storage, ".lock"), { write: true, create: true });
    await lock.lock(true);
    const totalBytes = sizes.get(name);
    let doneBytes = 0;
    onBytes = (bytes) => {
      doneBytes += bytes;
      options.onProgress?.({
        label: `Downloading ${repo}/${name}`,
        doneBytes: Math.min(doneBytes, totalBytes ?? Infinity),
        ...(totalBytes !== undefined && { totalBytes }),
      });
    };
    try {
      await hub.downloadFileToCacheDir({ repo, path: name, revision, cacheDir, ...request });
    } catch (error) {
      if (error instanceof hub.HubApiError) {
        throw hubError(`${id} (${name})`, error.statusCode, error.message);
      }
      throw unreachable(`${id} (${name})`, cacheDir, error);
    }
  };
  return { folder: join(storage, "snapshots", revision), sizes, download };
}

function splitId(id: string): [repo: string, file: string | undefined] {
  const colon = id.indexOf(":");
  if (colon < 0) return [id, undefined];
  const file = id.slice(colon + 1);
  if (!file.endsWith(".gguf")) throw new LoadError(`Cannot load ${id}: ${file} is not a .gguf file`);
  return [id.slice(0, colon), file];
}

/** The GGUF file of a repository whose model is one; undefined if it has other weights. */
function onlyGguf(id: string, names: readonly string[], format: LoadFormat = "auto"): string | undefined {
  const weights = chooseWeights(names, format);
  if (weights !== undefined && weights.kind !== "gguf") return undefined;
  const gguf = weights !== undefined && "files" in weights ? weights.files : [];
  if (gguf.length === 1) return gguf[0];
  if (gguf.length === 0) {
    const kinds = format === "auto" ? ".safetensors, pytorch_model.bin or .gguf" : format;
    throw new LoadError(`Cannot load ${id}: no ${kinds} file in it`);
  }
  throw new LoadError(
    `Cannot load ${id}: it holds ${gguf.length} GGUF files, name one as ${id}:${gguf[0]}, of ${
      gguf.join(", ")
    }`,
  );
}

function hubError(what: string, status: number, message: string): LoadError {
  if (status === 401 || status === 403) {
    return new LoadError(
      `Cannot download ${what}: HTTP ${status}, the repository is gated, private or unknown; accept its terms on the hub and set HF_TOKEN`,
    );
  }
  return new LoadError(`Cannot download ${what}: ${status === 404 ? "HTTP 404, not on the hub" : message}`);
}

function unreachable(what: string, cacheDir: string, error: unknown): LoadError {
  return new LoadError(
    `Cannot download ${what}: ${
      error instanceof Error ? error.message : error
    }; it is not in the cache ${cacheDir} either`,
  );
}

/** A fetch that reports the body bytes that arrive. */
function countingFetch(base: typeof fetch, onBytes: (bytes: number) => void): typeof fetch {
  return async (input, init) => {
    const response = await base(input, init);
    if (response.body === null) return response;
    const counter = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        onBytes(chunk.length);
        controller.enqueue(chunk);
      },
    });
    return new Response(response.body.pipeThrough(counter), response);
  };
}
