/**
 * Finds a model's files in a local folder.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { LoadError } from "../contracts/errors.ts";
import type { ModelFiles } from "./model_files.ts";
import { readJsonFile } from "../tensor_files/text_file.ts";
import { chooseWeights, type LoadFormat, splitOf } from "./weight_files.ts";

const INDEX = z.looseObject({
  // A bare file name: an index must not lead out of its folder.
  "weight_map": z.record(z.string(), z.string().regex(/^[^/\\]+\.(safetensors|bin)$/)),
});

/**
 * Files of the model in `folder`; `path` is what the user called it.
 *
 * @throws {LoadError} if the folder holds no model of this format, several, or an index whose shards are not there
 */
export async function findModelFiles(
  path: string,
  folder: string,
  format: LoadFormat = "auto",
): Promise<ModelFiles> {
  const names = await namesIn(folder), chosen = chooseWeights(names, format);
  if (chosen === undefined) {
    throw new LoadError(
      format === "auto"
        ? `Cannot load ${path}: no .safetensors, pytorch_model.bin or .gguf file in it`
        : `Cannot load ${path} with --load-format ${format}: no such file in it`,
    );
  }
  const { kind } = chosen;
  if ("index" in chosen) {
    const shards = await readShardNames(folder, chosen.index);
    const missing = shards.find((shard) => !names.includes(shard));
    if (missing !== undefined) {
      throw new LoadError(`Cannot load ${path}: ${chosen.index} names ${missing}, which is missing`);
    }
    return { path, kind, files: shards.map((name) => join(folder, name)), folder };
  }
  if (kind !== "gguf") return { path, kind, files: chosen.files.map((name) => join(folder, name)), folder };
  if (chosen.files.length > 1) {
    throw new LoadError(
      `Cannot load ${path}: it holds ${chosen.files.length} GGUF files, name one of ${
        chosen.files.join(", ")
      }`,
    );
  }
  return await findGgufFiles(path, join(folder, chosen.files[0]!));
}

/**
 * The GGUF model in `file`, or in it and those that follow it; `path` is what the user called it.
 *
 * @throws {LoadError} if it is not the first of several, or one of them is missing
 */
export async function findGgufFiles(path: string, file: string): Promise<ModelFiles> {
  const folder = dirname(file), name = basename(file), split = splitOf(name);
  if (split === undefined) return { path, kind: "gguf", files: [file], folder };
  if (name !== split.first) {
    throw new LoadError(`Cannot load ${path}: it is a part of a model, name the first, ${split.first}`);
  }
  const names = await namesIn(folder), missing = split.files.find((part) => !names.includes(part));
  if (missing !== undefined) throw new LoadError(`Cannot load ${path}: its part ${missing} is missing`);
  return { path, kind: "gguf", files: split.files.map((part) => join(folder, part)), folder };
}

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).toSorted();
}

/** File names of the shards that a folder's index names, in order. */
export async function readShardNames(folder: string, index: string): Promise<string[]> {
  const { weight_map: shards } = await readJsonFile(join(folder, index), INDEX);
  return [...new Set(Object.values(shards))].toSorted();
}
