/**
 * What `--chat-template` says.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { LoadError } from "../contracts/errors.ts";
import { sizeOfRegularFile } from "../tensor_files/regular_file.ts";
import { namedTemplate, templateNames } from "./named_templates.ts";
import type { TokenizerSource } from "./source.ts";

/**
 * A tokenizer's definition with another chat template in place of its own; unchanged without. A named one also ends
 * generation where it ends a turn, if the vocabulary has a special token for that.
 *
 * @param given a name, Jinja text or the path of a file with it
 * @throws {LoadError} if it is none of these
 */
export function withChatTemplate(own: TokenizerSource, given: string | undefined): TokenizerSource {
  if (given === undefined) return own;
  const { toolTemplate: _, ...source } = own;
  const named = namedTemplate(given);
  if (named === undefined) return { ...source, chatTemplate: templateText(given) };
  const ends = source.json.added_tokens.filter(({ content }) => content === named.turnEnd).map(({ id }) =>
    id
  );
  return {
    ...source,
    chatTemplate: named.text,
    eosTokenIds: [...new Set([...source.eosTokenIds, ...ends])],
  };
}

/** Jinja text has braces, a path has none. */
function templateText(pathOrText: string): string {
  if (pathOrText.includes("{")) return pathOrText;
  try {
    sizeOfRegularFile(pathOrText);
    return readFileSync(pathOrText, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new LoadError(
      `Cannot read chat template ${pathOrText}: ${reason}; known by name are ${templateNames.join(", ")}`,
    );
  }
}
