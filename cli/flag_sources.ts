/**
 * Flags from the environment and from a file.
 *
 * @module
 */
import type { Option } from "commander";
import { isMap, isScalar, isSeq, parseDocument, visit } from "yaml";
import { findOption, suggestFlag } from "./command_line.ts";
import { type NeutralFlag, neutralFlag, type NeutralGiven } from "./neutral_flags.ts";
import { isSecret, MASK } from "./secrets.ts";
import { readSmallFile } from "./small_file.ts";
import { UsageError } from "./usage_error.ts";

/** Variables that begin so are flags: `AERIE_FLAG_PORT` is `--port`. */
const FLAG_VARIABLE = "AERIE_FLAG_";

const MAX_CONFIG_BYTES = 1024 * 1024;

/** The environment of the process, or what stands for it in a test. */
export type Environment = Pick<Deno.Env, "get" | "delete" | "toObject">;

/** The flags of a source. */
export interface SourceFlags {
  /** Values by the flag's name in code, as `flagSchema` reads them. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Origin of each value, by the same name. */
  readonly origins: Readonly<Record<string, string>>;
  /** Flags without effect. */
  readonly neutral: readonly NeutralGiven[];
}

/** A flag as a source gives it: `max-running-requests`, and its value as text or texts. */
interface Entry {
  readonly name: string;
  readonly value: string | boolean | readonly string[];
  readonly origin: string;
  /** The value is a mapping, written as JSON. */
  readonly isMapping?: boolean;
}

/**
 * Flags of the environment. Their variables are taken out of it, so that no child process gets a secret.
 *
 * @throws {UsageError} naming the variable at fault
 */
export function readEnvironment(environment: Environment): SourceFlags {
  const names = Object.keys(environment.toObject()).filter((name) => name.startsWith(FLAG_VARIABLE));
  const entries = names.toSorted().map((variable) => ({
    name: variable.slice(FLAG_VARIABLE.length).toLowerCase().replaceAll("_", "-"),
    value: environment.get(variable)!,
    origin: variable,
  }));
  for (const name of names) environment.delete(name);
  return readEntries(entries);
}

/**
 * Flags of a YAML file: a mapping of names, with dashes or underscores, to values. Null and an empty list say nothing.
 *
 * @throws {UsageError} naming file and key at fault
 */
export function readConfig(path: string): SourceFlags {
  const name = `--config ${path}`;
  const text = readSmallFile(path, MAX_CONFIG_BYTES, name);
  // The parser compares each key with all others, which takes minutes for a megabyte; readEntries knows them by name.
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: false });
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) throw new UsageError(`Cannot use ${name}: ${error.message.split("\n")[0]!}`);
  visit(document, {
    Alias() {
      throw new UsageError(`Cannot use ${name}: it has an alias, expected every value written out`);
    },
  });
  const { contents } = document;
  if (contents !== null && !isMap(contents) && !(isScalar(contents) && contents.value === null)) {
    throw new UsageError(`Cannot use ${name}: expected names of flags with their values`);
  }
  const entries = (isMap(contents) ? contents.items : []).flatMap(({ key, value }): Entry[] => {
    const written = isScalar(key) ? String(key.source ?? key.value) : String(key);
    const origin = `${path}: ${written}`;
    const read = valueOf(value, origin);
    if (read === undefined) return [];
    return [{ name: written.replaceAll("_", "-"), value: read, origin, isMapping: isMap(value) }];
  });
  const config = entries.find((entry) => entry.name === "config");
  if (config !== undefined) throw new UsageError(`Cannot use ${config.origin}: one file is all`);
  return readEntries(entries);
}

/** A value as text, as it is written: `1.10` stays that. */
function valueOf(node: unknown, origin: string): Entry["value"] | undefined {
  if (node === null) return undefined;
  if (isScalar(node)) {
    if (node.value === null) return undefined;
    if (typeof node.value === "boolean") return node.value;
    return typeof node.value === "string" ? node.value : node.source ?? String(node.value);
  }
  if (isSeq(node)) {
    if (node.items.length === 0) return undefined;
    return node.items.map((item) => {
      const text = isSeq(item) ? undefined : valueOf(item, origin);
      if (typeof text !== "string") throw new UsageError(`Cannot use ${origin}: expected a list of texts`);
      return text;
    });
  }
  return JSON.stringify((node as { toJSON(): unknown }).toJSON());
}

function readEntries(entries: readonly Entry[]): SourceFlags {
  const values: Record<string, unknown> = {}, origins: Record<string, string> = {};
  const neutral: NeutralGiven[] = [], neutralOrigins = new Map<NeutralFlag, string>();
  for (const { name, value, origin, isMapping } of entries) {
    const option = optionOf(name);
    if (option !== undefined) {
      const attribute = option.attributeName();
      if (origins[attribute] !== undefined) {
        throw new UsageError(`Cannot use ${origin}: ${origins[attribute]} says the same flag`);
      }
      if (isMapping) throw new UsageError(`Cannot use ${origin}: ${option.long} takes no mapping`);
      const given = optionValue(option, value, origin);
      values[attribute] = option.negate && name.startsWith("no-") ? !given : given;
      origins[attribute] = origin;
      continue;
    }
    const flag = neutralFlag(`--${name}`);
    if (flag === undefined) {
      throw new UsageError(
        `Cannot use ${origin}: there is no flag --${name}${suggestFlag(`--${name}`)}`,
      );
    }
    const other = neutralOrigins.get(flag);
    if (other !== undefined) throw new UsageError(`Cannot use ${origin}: ${other} says the same flag`);
    neutralOrigins.set(flag, origin);
    const shown = isSecret(name) ? MASK : typeof value === "object" ? value.join(" ") : value;
    neutral.push({ flag, value: neutralValue(flag, name, value, origin), written: `${origin} ${shown}` });
  }
  return { values, origins, neutral };
}

function neutralValue(
  { takes }: NeutralFlag,
  name: string,
  value: Entry["value"],
  origin: string,
): string | boolean {
  if (takes === "switch") return toBoolean(value, origin);
  if (takes === "negatable") return toBoolean(value, origin) !== name.startsWith("no-");
  return typeof value === "object" ? value.join(" ") : value;
}

/** A flag that is on by default has one form, `--no-...`, but is named without it here. */
function optionOf(name: string): Option | undefined {
  return findOption(`--${name}`) ?? findOption(`--no-${name}`);
}

function optionValue(option: Option, value: Entry["value"], origin: string): unknown {
  if (!option.required && !option.optional) return toBoolean(value, origin);
  if (option.variadic) {
    return typeof value === "object" ? value : String(value).split(/[\s,]+/).filter((word) => word !== "");
  }
  if (typeof value === "boolean") throw new UsageError(`Cannot use ${origin}: ${option.long} takes a value`);
  return typeof value === "object" ? value.join(",") : value;
}

function toBoolean(value: Entry["value"], origin: string): boolean {
  if (typeof value === "boolean") return value;
  const word = typeof value === "string" ? value.toLowerCase() : "";
  if (["1", "true", "yes", "on"].includes(word)) return true;
  if (["0", "false", "no", "off"].includes(word)) return false;
  throw new UsageError(`Cannot use ${origin}: expected true or false`);
}
