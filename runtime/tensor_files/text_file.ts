/**
 * Reads the small text files that lie beside the weights, bounded and checked.
 *
 * @module
 */
import type { z } from "zod";
import { LoadError } from "../contracts/errors.ts";
import { isTooDeep } from "./json_depth.ts";
import { sizeOfRegularFile } from "./regular_file.ts";

/** Vocabularies of 256k tokens take 35 MB of JSON. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/**
 * Text of a file, or `whenAbsent` if given and the file is not there.
 *
 * @throws {LoadError} if it cannot be read or is too large
 */
export async function readTextFile(path: string, whenAbsent?: string): Promise<string> {
  const bytes = await readBytes(path, whenAbsent !== undefined);
  return bytes === undefined ? whenAbsent! : new TextDecoder().decode(bytes);
}

/** Content of a file; undefined if it is not there and need not be. */
async function readBytes(path: string, mayBeAbsent: boolean): Promise<Uint8Array | undefined> {
  try {
    const size = sizeOfRegularFile(path);
    if (size > MAX_TEXT_BYTES) throw new RangeError(`${size} bytes, at most ${MAX_TEXT_BYTES} allowed`);
    return await Deno.readFile(path);
  } catch (error) {
    if (isAbsent(error) && mayBeAbsent) return undefined;
    throw new LoadError(`Cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/**
 * A JSON file checked against a schema; `whenAbsent` stands in for a file that is not there.
 *
 * @throws {LoadError} naming the field at fault
 */
export async function readJsonFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  whenAbsent?: unknown,
): Promise<z.output<Schema>> {
  const bytes = await readBytes(path, whenAbsent !== undefined);
  let json: unknown;
  try {
    if (bytes !== undefined && isTooDeep(bytes)) throw new RangeError("it is nested too deeply");
    json = bytes === undefined ? whenAbsent : JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new LoadError(`Cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
  return checkFields(path, json, schema);
}

/**
 * The content of a JSON file as a schema has it; `path` is for the error.
 *
 * @throws {LoadError} naming the field at fault
 */
export function checkFields<Schema extends z.ZodType>(
  path: string,
  json: unknown,
  schema: Schema,
): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path: field, message } = parsed.error.issues[0]!;
  throw new LoadError(`Cannot read ${path}: ${field.join(".") || "document"}: ${message}`);
}
