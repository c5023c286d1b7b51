/**
 * Reads the command line.
 *
 * @module
 */
import { Command, CommanderError, Option } from "commander";
import manifest from "../deno.json" with { type: "json" };
import type { ServerArgs } from "../runtime/server_args.ts";
import { flagGroups, flagSchema } from "./flags.ts";
import { UsageError } from "./usage_error.ts";

export { UsageError } from "./usage_error.ts";

/** What the command line asks for. */
export type ParsedArgs =
  | {
    readonly type: "serve";
    readonly args: ServerArgs;
    /** Remarks for the log. */
    readonly notes: readonly string[];
  }
  /** `--help` or `--version`. */
  | { readonly type: "print"; readonly text: string };

/**
 * Parses the arguments of `serve.ts`. As with Python's argparse, `--flag=value` and unambiguous prefixes of flags are
 * accepted.
 *
 * @throws {UsageError} naming the flag at fault
 */
export function parseArgs(argv: readonly string[]): ParsedArgs {
  const program = createProgram();
  let printed = "";
  program.configureOutput({ writeOut: (text) => printed += text, writeErr: () => {} }).exitOverride();
  try {
    program.parse(completeFlags(argv, program.options), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { type: "print", text: printed };
    const reason = error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
    throw new UsageError(`Cannot read the command line: ${reason}`);
  }
  const given = program.opts();
  const parsed = flagSchema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const option = program.options.find((option) => option.attributeName() === issue!.path[0])!;
    throw new UsageError(`Cannot use ${option.long} ${given[option.attributeName()]}: ${issue!.message}`);
  }
  const { trustRemoteCode, ...args } = parsed.data;
  const notes = trustRemoteCode ? ["--trust-remote-code is not needed: code of a model is never run"] : [];
  return { type: "serve", args, notes };
}

/** The arguments as SGLang logs them, without the API key. */
export function describeArgs(args: ServerArgs): string {
  const fields = Object.keys(flagSchema.shape).filter((name) => name !== "trustRemoteCode").map((name) => {
    const value = args[name as keyof ServerArgs];
    const shown = name === "apiKey" && value !== undefined ? "******" : value;
    return `${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}=${pythonLiteral(shown)}`;
  });
  return `server_args=ServerArgs(${fields.join(", ")})`;
}

function pythonLiteral(value: string | number | boolean | readonly (number | string)[] | undefined): string {
  if (value === undefined) return "None";
  if (typeof value === "object") return `[${value.map(pythonLiteral).join(", ")}]`;
  if (typeof value === "boolean") return value ? "True" : "False";
  return typeof value === "number" ? String(value) : `'${value}'`;
}

function createProgram(): Command {
  const defaults: Readonly<Record<string, unknown>> = flagSchema.parse({});
  const program = new Command("serve.ts")
    .usage("[flags]")
    .description("Serves a language model over HTTP, with OpenAI's and SGLang's interfaces.")
    .version(`aerie ${manifest.version}`, "--version", "Print the version")
    .helpOption("-h, --help", "Print this help");
  for (const [group, flags] of Object.entries(flagGroups)) {
    for (const { name, flags: notation, help, isHidden } of flags) {
      const value = defaults[name];
      const shown = value === undefined || value === false ? help : `${help} (default: ${value})`;
      program.addOption(new Option(notation, shown).helpGroup(`${group}:`).hideHelp(isHidden ?? false));
    }
  }
  return program;
}

/** Writes flags out in full and checks that each has the value it wants, which commander leaves open. */
function completeFlags(argv: readonly string[], options: readonly Option[]): string[] {
  const complete: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i]!;
    if (!arg.startsWith("--") || arg === "--") {
      complete.push(arg);
      continue;
    }
    const [written = arg] = arg.split("=", 1);
    const flag = findFlag(written, options);
    const option = options.find(isNamed(flag));
    const hasValue = written !== arg;
    complete.push(flag + arg.slice(written.length));
    if (option === undefined) continue;
    if (!option.required && hasValue) throw new UsageError(`Cannot use ${arg}: ${flag} takes no value`);
    if (!option.required || hasValue) continue;
    const value = argv[++i];
    if (value === undefined || value.startsWith("--")) {
      throw new UsageError(`Cannot use ${flag}: its value is missing`);
    }
    complete.push(value);
  }
  return complete;
}

/** The flag that `written` is, or is the beginning of; `written` itself if there is none. */
function findFlag(written: string, options: readonly Option[]): string {
  const matches = options.filter(isNamed(written));
  const candidates = matches.length > 0 ? matches : options.filter(({ long }) => long!.startsWith(written));
  if (candidates.length > 1) {
    const names = candidates.map(({ long }) => long).join(", ");
    throw new UsageError(`Cannot tell which flag ${written} is: it could be ${names}`);
  }
  return candidates[0]?.long ?? written;
}

/** Commander keeps the first of two names as `short`. */
function isNamed(name: string): (option: Option) => boolean {
  return ({ short, long }) => name === long || name === short;
}
