/**
 * Where the API key comes from: the command line, a file, or the environment. Only the first shows in `ps`.
 *
 * @module
 */
import type { ServerArgs } from "../runtime/contracts/server_args.ts";
import type { Origins } from "./args.ts";
import { readSmallFile } from "./small_file.ts";
import { UsageError } from "./usage_error.ts";

/** The variable that may hold the key. */
const API_KEY_VARIABLE = "AERIE_API_KEY";

const MAX_KEY_BYTES = 64 * 1024;

/**
 * The arguments with the key they name. The variable is taken out of the environment, so that no child process gets
 * it; as with all flags those of the command line go before the environment, and that before a file's.
 *
 * @throws {UsageError} if a source is empty, unreadable, or one of two
 */
export function withApiKey(
  args: ServerArgs,
  environment: Pick<Deno.Env, "get" | "delete"> = Deno.env,
  origins: Origins = {},
): { readonly args: ServerArgs; readonly origins: Origins; readonly notes: readonly string[] } {
  const variable = environment.get(API_KEY_VARIABLE);
  environment.delete(API_KEY_VARIABLE);
  const { apiKey, apiKeyFile } = args;
  const key = origins.apiKey ?? { kind: "flag", name: "--api-key" };
  const file = origins.apiKeyFile ?? { kind: "flag", name: "--api-key-file" };
  if (apiKey !== undefined && apiKeyFile !== undefined) {
    throw new UsageError(`Cannot use ${file.name}: ${key.name} is given too`);
  }
  const given = apiKey !== undefined ? key : apiKeyFile !== undefined ? file : undefined;
  if (variable !== undefined && given?.kind === "environment") {
    throw new UsageError(`Cannot use ${API_KEY_VARIABLE}: ${given.name} is given too`);
  }
  if (variable !== undefined && given?.kind !== "flag") {
    const { apiKeyFile: _, ...others } = args;
    return {
      // Not "no key": a variable that was left empty by mistake would open the server to everybody.
      args: { ...others, apiKey: checkKey(variable, API_KEY_VARIABLE) },
      origins: { ...origins, apiKey: { kind: "environment", name: API_KEY_VARIABLE } },
      notes: given === undefined ? [] : [`${given.name} is not used: ${API_KEY_VARIABLE} is given`],
    };
  }
  if (given === undefined) return { args, origins, notes: [] };
  return {
    args: {
      ...args,
      apiKey: apiKey === undefined ? readKey(apiKeyFile!, file.name) : checkKey(apiKey, key.name),
    },
    origins: { ...origins, apiKey: given },
    notes: variable === undefined ? [] : [`${API_KEY_VARIABLE} is not used: ${given.name} is given`],
  };
}

function readKey(path: string, source: string): string {
  const name = `${source} ${path}`;
  return checkKey(readSmallFile(path, MAX_KEY_BYTES, name).replace(/\r?\n$/, ""), name);
}

/** A key must be able to stand in a header. */
function checkKey(key: string, source: string): string {
  if (key === "") throw new UsageError(`Cannot use ${source}: it is empty`);
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new UsageError(`Cannot use ${source}: expected one line of printable ASCII without blanks`);
  }
  return key;
}
