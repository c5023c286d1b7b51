/**
 * Reads the hot tokens of FR-Spec (Zhao et al. 2025, arXiv 2502.14856): target ids by falling frequency.
 *
 * @module
 */
import { basename, join } from "node:path";
import { z } from "zod";
import { LoadError } from "../contracts/errors.ts";
import { fetchHubFiles, type HubModelOptions } from "./hub_model.ts";
import { readSafetensors } from "../tensor_files/safetensors.ts";
import { readIntegers } from "../tensor_files/stored_tensor.ts";
import { readJsonFile } from "../tensor_files/text_file.ts";
import { readTorchFile, tensorOf } from "../tensor_files/torch_pickle.ts";

const IDS = z.array(z.int().nonnegative());

/**
 * The tokens that `--speculative-token-map` names, each once, in order: from a local `.pt` (a pickled list or tensor),
 * `.json` (a list) or `.safetensors` (one tensor), or from the hub as `owner/repo/file`.
 *
 * @throws {LoadError} if there is no such file, it holds something else, or a token is not in the vocabulary
 */
export async function readTokenMap(
  path: string,
  vocabSize: number,
  options: HubModelOptions = {},
): Promise<Int32Array> {
  const tokens = await readTokens(await findFile(path, options));
  const stray = tokens.find((token) => !(token >= 0 && token < vocabSize));
  if (tokens.length === 0 || stray !== undefined) {
    throw new LoadError(
      `Cannot use token map ${path}: ${
        stray === undefined ? "it is empty" : `token ${stray}`
      }, expected tokens 0..${vocabSize - 1}`,
    );
  }
  // Published maps name the end of text twice.
  return Int32Array.from(new Set(tokens));
}

async function findFile(path: string, options: HubModelOptions): Promise<string> {
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  const [, repo, file] = /^([\w-][\w.-]*\/[\w.-]+)\/([^:]+)$/.exec(path) ?? [];
  if (repo === undefined || file === undefined) {
    throw new LoadError(`Cannot read token map ${path}: no such file`);
  }
  return join(await fetchHubFiles(repo, () => [file], options), file);
}

async function readTokens(path: string): Promise<number[]> {
  const fail = (reason: string) => new LoadError(`Cannot read token map ${path}: ${reason}`);
  switch (/\.[^.]+$/.exec(basename(path))?.[0]) {
    case ".json":
      return await readJsonFile(path, IDS);
    case ".safetensors": {
      const [tensor, ...more] = readSafetensors(path);
      if (tensor === undefined || more.length > 0) throw fail("it does not hold one tensor");
      return [...readIntegers(path, tensor)];
    }
    case ".pt":
    case ".bin": {
      const { value } = await readTorchFile(path), tensor = tensorOf("tokens", value);
      if (tensor !== undefined) return [...readIntegers(path, tensor)];
      const list = IDS.safeParse(value);
      if (!list.success) throw fail("it holds neither a list of tokens nor a tensor");
      return list.data;
    }
    default:
      throw fail("expected a .pt, .json or .safetensors file");
  }
}
