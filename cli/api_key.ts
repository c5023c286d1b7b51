/**
 * Where the API key comes from: the command line, a file, or the environment. Only the first shows in `ps`.
 *
 * @module
 */
import { readFileSync, statSync } from "node:fs";
import type { ServerArgs } from "../runtime/server_args.ts";
import { UsageError } from "./usage_error.ts";

/** The variable that may hold the key. */
const API_KEY_VARIABLE = "AERIE_API_KEY";

const MAX_KEY_BYTES = 64 * 1024;

/**
 * The arguments with the key they name. The variable is taken out of the environment, so that no child process gets
 * it; a flag goes before it.
 *
 * @throws {UsageError} if a source is empty, unreadable, or one of two
 */
export function withApiKey(
  args: ServerArgs,
  environment: Pick<Deno.Env, "get" | "delete"> = Deno.env,
): { readonly args: ServerArgs; readonly notes: readonly string[] } {
  const fromEnvironment = environment.get(API_KEY_VARIABLE);
  environment.delete(API_KEY_VARIABLE);
  const { apiKey, apiKeyFile } = args;
  if (apiKey !== undefined && apiKeyFile !== undefined) {
    throw new UsageError("Cannot use --api-key-file: --api-key is given too");
  }
  const flag = apiKey !== undefined ? "--api-key" : apiKeyFile !== undefined ? "--api-key-file" : undefined;
  if (flag !== undefined) {
    const note = `${API_KEY_VARIABLE} is not used: ${flag} is given`;
    return {
      args: { ...args, apiKey: apiKey === undefined ? readKey(apiKeyFile!) : checkKey(apiKey, "--api-key") },
      notes: fromEnvironment === undefined ? [] : [note],
    };
  }
  if (fromEnvironment === undefined) return { args, notes: [] };
  // Not "no key": a variable that was left empty by mistake would open the server to everybody.
  return { args: { ...args, apiKey: checkKey(fromEnvironment, API_KEY_VARIABLE) }, notes: [] };
}

function readKey(path: string): string {
  const name = `--api-key-file ${path}`;
  let text: string;
  try {
    const info = statSync(path);
    if (!info.isFile()) throw new Error("it is not a file");
    if (info.size > MAX_KEY_BYTES) throw new Error(`${info.size} bytes, at most ${MAX_KEY_BYTES} allowed`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(`Cannot use ${name}: ${error instanceof Error ? error.message : error}`);
  }
  return checkKey(text.replace(/\r?\n$/, ""), name);
}

/** A key must be able to stand in a header. */
function checkKey(key: string, source: string): string {
  if (key === "") throw new UsageError(`Cannot use ${source}: it is empty`);
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new UsageError(`Cannot use ${source}: expected one line of printable ASCII without blanks`);
  }
  return key;
}
