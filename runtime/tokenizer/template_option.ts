/**
 * What `--chat-template` says.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { LoadError } from "../errors.ts";
import { sizeOfRegularFile } from "../weights/regular_file.ts";
import type { TokenizerSource } from "./source.ts";

/**
 * A tokenizer's definition with `pathOrText`, Jinja text or the path of a file with it, in place of its chat template;
 * unchanged without.
 *
 * @throws {LoadError} if the file cannot be read
 */
export function withChatTemplate(source: TokenizerSource, pathOrText: string | undefined): TokenizerSource {
  return pathOrText === undefined ? source : { ...source, chatTemplate: templateText(pathOrText) };
}

/** Jinja text has braces, a path has none. */
function templateText(pathOrText: string): string {
  if (pathOrText.includes("{")) return pathOrText;
  try {
    sizeOfRegularFile(pathOrText);
    return readFileSync(pathOrText, "utf8");
  } catch (error) {
    throw new LoadError(
      `Cannot read chat template ${pathOrText}: ${error instanceof Error ? error.message : error}`,
    );
  }
}
