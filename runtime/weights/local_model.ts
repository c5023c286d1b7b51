/**
 * Finds a model's files in a local folder.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import { LoadError } from "../contracts/errors.ts";
import type { ModelFiles } from "./model_files.ts";
import { readJsonFile } from "../tensor_files/text_file.ts";

/** The index of a sharded safetensors checkpoint. */
export const SHARD_INDEX = "model.safetensors.index.json";
const SINGLE_FILE = "model.safetensors";

const INDEX = z.looseObject({
  // A bare file name: an index must not lead out of its folder.
  "weight_map": z.record(z.string(), z.string().regex(/^[^/\\]+\.safetensors$/)),
});

/**
 * Files of the model in `folder`; `path` is what the user called it.
 *
 * @throws {LoadError} if the folder holds no model, several, or an index whose shards are not there
 */
export async function findModelFiles(path: string, folder: string): Promise<ModelFiles> {
  const names = (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).toSorted();
  const safetensors = names.filter((name) => name.endsWith(".safetensors"));
  const gguf = names.filter((name) => name.endsWith(".gguf"));
  if (names.includes(SHARD_INDEX)) {
    const shards = await readShardNames(folder);
    const missing = shards.find((shard) => !names.includes(shard));
    if (missing !== undefined) {
      throw new LoadError(`Cannot load ${path}: ${SHARD_INDEX} names ${missing}, which is missing`);
    }
    return { path, kind: "safetensors", files: shards.map((name) => join(folder, name)), folder };
  }
  if (safetensors.length > 0) {
    const files = safetensors.includes(SINGLE_FILE) ? [SINGLE_FILE] : safetensors;
    return { path, kind: "safetensors", files: files.map((name) => join(folder, name)), folder };
  }
  if (gguf.length === 1) return { path, kind: "gguf", files: [join(folder, gguf[0]!)], folder };
  throw new LoadError(
    gguf.length > 1
      ? `Cannot load ${path}: it holds ${gguf.length} GGUF files, name one of ${gguf.join(", ")}`
      : `Cannot load ${path}: no .safetensors or .gguf file in it`,
  );
}

/** File names of the shards in the folder's index, in order. */
export async function readShardNames(folder: string): Promise<string[]> {
  const index = await readJsonFile(join(folder, SHARD_INDEX), INDEX);
  return [...new Set(Object.values(index.weight_map))].toSorted();
}
