/**
 * Opens what `--tokenizer-path` names.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { readGguf } from "../tensor_files/gguf.ts";
import { ggufTokenizer } from "./gguf_tokenizer.ts";
import { readHuggingFaceTokenizer } from "./huggingface_tokenizer.ts";
import type { TokenizerSource } from "./source.ts";

/**
 * Reads a tokenizer from a `.gguf` file, a folder with tokenizer.json, or that file itself.
 *
 * @throws {LoadError} if there is none or it cannot be used
 */
export async function openTokenizer(path: string): Promise<TokenizerSource> {
  if (path.endsWith(".gguf")) return ggufTokenizer(readGguf(path));
  return await readHuggingFaceTokenizer(basename(path) === "tokenizer.json" ? dirname(path) : path);
}
