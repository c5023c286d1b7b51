/**
 * Puts the flags together: those of the command line go before those of the environment, and these before those of a
 * file.
 *
 * @module
 */
import type { ServerArgs } from "../runtime/contracts/server_args.ts";
import { toSnakeCase } from "../runtime/contracts/snake_case.ts";
import { options, readCommandLine } from "./command_line.ts";
import { type Environment, readConfig, readEnvironment, type SourceFlags } from "./flag_sources.ts";
import { type FlagName, flagSchema } from "./flags.ts";
import { checkNeutral } from "./neutral_flags.ts";
import { policyNote } from "./scheduling_flags.ts";
import { isSecret, MASK } from "./secrets.ts";
import { UsageError } from "./usage_error.ts";

export { UsageError } from "./usage_error.ts";

/** The source of a flag: the command line, the environment or a file. */
export interface Origin {
  readonly kind: "flag" | "environment" | "file";
  /** The flag, the variable, or key and file. */
  readonly name: string;
}

/** The source of each flag that is not left to its default. */
export type Origins = Readonly<Partial<Record<FlagName, Origin>>>;

/** Result of parsing the flags: arguments to serve with, or a text to print. */
export type ParsedArgs =
  | {
    readonly type: "serve";
    readonly args: ServerArgs;
    /** Remarks for the log. */
    readonly notes: readonly string[];
    /** Remarks about flags that do nothing here. */
    readonly neutral: readonly string[];
    readonly origins: Origins;
    /** Show the flags instead of serving. */
    readonly printConfig: boolean;
    /** Show what models run instead of serving. */
    readonly listModels: boolean;
  }
  /** `--help` or `--version`. */
  | { readonly type: "print"; readonly text: string };

/** Flags that {@linkcode parseArgs} itself makes use of. */
const OWN_FLAGS: readonly string[] = ["trustRemoteCode", "config", "printConfig", "listModels"];

const NO_ENVIRONMENT: Environment = { get: () => undefined, delete: () => {}, toObject: () => ({}) };

/**
 * Reads the flags of `serve.ts` from its arguments, the environment and the file that `--config` names. Variables
 * that are flags are taken out of the environment.
 *
 * @throws {UsageError} naming the flag, variable or key at fault
 */
export function parseArgs(argv: readonly string[], environment: Environment = NO_ENVIRONMENT): ParsedArgs {
  const line = readCommandLine(argv);
  if (line.type === "print") return line;
  const variables = readEnvironment(environment);
  const path = line.values["config"] ?? variables.values["config"];
  const file: SourceFlags = typeof path === "string" && path !== ""
    ? readConfig(path)
    : { values: {}, origins: {}, neutral: [] };
  const values: Record<string, unknown> = {}, origins: Record<string, Origin> = {};
  const merge = (source: Readonly<Record<string, unknown>>, origin: (name: string) => Origin) => {
    // `--api-key` and `--api-key-file` are one setting: the stronger source replaces both.
    if ("apiKey" in source || "apiKeyFile" in source) {
      for (const name of ["apiKey", "apiKeyFile"]) delete values[name], delete origins[name];
    }
    for (const [name, value] of Object.entries(source)) {
      values[name] = value;
      origins[name] = origin(name);
    }
  };
  merge(file.values, (name) => ({ kind: "file", name: file.origins[name]! }));
  merge(variables.values, (name) => ({ kind: "environment", name: variables.origins[name]! }));
  merge(line.values, (name) => ({ kind: "flag", name: flagOf(name) }));

  const parsed = flagSchema.safeParse(values);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue!.path[0]);
    const shown = isSecret(flagOf(name)) ? MASK : values[name];
    throw new UsageError(`Cannot use ${origins[name]!.name} ${shown}: ${issue!.message}`);
  }
  const { trustRemoteCode, config: _, printConfig, listModels, ...args } = parsed.data;
  const notes = [
    trustRemoteCode ? "--trust-remote-code is not needed: code of a model is never run" : undefined,
    policyNote(args),
  ].filter((note) => note !== undefined);
  const given = [...file.neutral, ...variables.neutral, ...line.neutral];
  const neutral = [...new Map(given.map((entry) => [entry.flag, entry])).values()].map(checkNeutral)
    .filter((remark) => remark !== undefined);
  return { type: "serve", args, notes, neutral, origins, printConfig, listModels };
}

/**
 * The arguments that flags of `serve.ts` stand for, e.g. `["--model-path", "model.gguf"]`; what they leave out is at its
 * default. Environment and files are not read, but for a file that `--config` names.
 *
 * @throws {UsageError} naming the flag at fault
 */
export function readFlags(flags: readonly string[]): ServerArgs {
  const parsed = parseArgs(flags);
  if (parsed.type !== "serve") throw new UsageError(`Cannot read flags: ${flags.join(" ")} asks for a text`);
  return parsed.args;
}

/** The arguments as SGLang logs them, without the API key. */
export function describeArgs(args: ServerArgs): string {
  const fields = argNames().map((name) => `${toSnakeCase(name)}=${pythonLiteral(shownValue(args, name))}`);
  return `server_args=ServerArgs(${fields.join(", ")})`;
}

/**
 * The arguments as a file that `--config` reads, each with its origin; what is left open, and secrets, stand in
 * comments.
 */
export function describeConfig(
  args: ServerArgs,
  origins: Origins,
  neutral: readonly string[] = [],
): string {
  const lines = argNames().map((name) => {
    const value = shownValue(args, name), { kind, name: source } = origins[name] ?? {};
    const key = flagOf(name).slice(2).replace(/^no-/, "");
    const origin = kind === undefined ? "default" : `${kind}: ${source}`;
    const isOpen = value === undefined || value === MASK;
    return `${isOpen ? "# " : ""}${key}:${
      value === undefined ? "" : ` ${JSON.stringify(value)}`
    }  # ${origin}`;
  });
  return [...lines, ...neutral.map((remark) => `# ${remark}`)].join("\n");
}

function argNames(): (FlagName & keyof ServerArgs)[] {
  const names = Object.keys(flagSchema.shape).filter((name) => !OWN_FLAGS.includes(name));
  return names as (FlagName & keyof ServerArgs)[];
}

function shownValue(args: ServerArgs, name: keyof ServerArgs): Shown {
  const value = args[name];
  return value !== undefined && isSecret(toSnakeCase(name)) ? MASK : value;
}

type Shown = ServerArgs[keyof ServerArgs];

/** `--max-total-tokens` for `maxTotalTokens`. */
function flagOf(name: string): string {
  return options.find((option) => option.attributeName() === name)!.long!;
}

function pythonLiteral(value: Shown): string {
  if (value === undefined) return "None";
  if (typeof value === "object") return `[${value.map((entry) => pythonLiteral(entry as Shown)).join(", ")}]`;
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "number" ? String(value) : `'${value}'`;
}
