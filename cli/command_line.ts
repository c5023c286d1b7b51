/**
 * Reads flags off a command line.
 *
 * @module
 */
import { Command, CommanderError, Option } from "commander";
import { closestMatch } from "leven";
import manifest from "../deno.json" with { type: "json" };
import { flagGroups, flagSchema } from "./flags.ts";
import {
  type NeutralFlag,
  neutralFlag,
  neutralFlags,
  type NeutralGiven,
  neutralNames,
} from "./neutral_flags.ts";
import { isSecret, MASK } from "./secrets.ts";
import { UsageError } from "./usage_error.ts";

/** Result of reading a command line: values by flag, or a text to print. */
export type CommandLine =
  | {
    readonly type: "flags";
    /** Given values by the flag's name in code, as {@linkcode flagSchema} reads them. */
    readonly values: Readonly<Record<string, unknown>>;
    /** Flags without effect, in order. */
    readonly neutral: readonly NeutralGiven[];
  }
  /** `--help` or `--version`. */
  | { readonly type: "print"; readonly text: string };

/**
 * Reads arguments. As with Python's argparse, `--flag=value` and unambiguous prefixes of flags are accepted; a flag
 * that acts goes before those that do not.
 *
 * @throws {UsageError} naming the flag at fault
 */
export function readCommandLine(argv: readonly string[]): CommandLine {
  const program = createProgram();
  let printed = "";
  program.configureOutput({ writeOut: (text) => printed += text, writeErr: () => {} }).exitOverride();
  const { acting, neutral } = completeFlags(argv);
  try {
    program.parse(acting, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { type: "print", text: printed };
    const reason = error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
    throw new UsageError(`Cannot read the command line: ${reason}`);
  }
  const given = Object.entries(program.opts()).filter(([name]) =>
    program.getOptionValueSource(name) === "cli"
  );
  return { type: "flags", values: Object.fromEntries(given), neutral };
}

/** Flags of commander's own. */
const PRINTING_FLAGS = ["--help", "--version"];

/** One option per flag that acts. */
export const options: readonly Option[] = createProgram().options.filter(({ long }) =>
  !PRINTING_FLAGS.includes(long!)
);

/** The option that is named so in full. Commander keeps the first of two names as `short`. */
export function findOption(name: string): Option | undefined {
  return options.find(({ short, long }) => name === long || name === short);
}

/** A hint at the flag that was perhaps meant; empty if none is near. */
export function suggestFlag(written: string): string {
  const shown = options.filter(({ hidden }) => !hidden).map(({ long }) => long!);
  const known = [...shown, ...neutralFlags.flatMap(({ names }) => names)];
  const nearest = closestMatch(written, known, {
    maxDistance: Math.min(3, Math.floor(written.length / 2) - 1),
  });
  return nearest === undefined ? "" : ` (Did you mean ${nearest}?)`;
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
      const value = notation.startsWith("--no-") ? undefined : defaults[name];
      const shown = value === undefined || value === false ? help : `${help} (default: ${value})`;
      program.addOption(new Option(notation, shown).helpGroup(`${group}:`).hideHelp(isHidden ?? false));
    }
  }
  return program;
}

/**
 * Writes flags out in full, checks that each has the value it wants, which commander leaves open, and takes those
 * without effect out.
 */
function completeFlags(
  argv: readonly string[],
): { readonly acting: string[]; readonly neutral: NeutralGiven[] } {
  const acting: string[] = [], neutral: NeutralGiven[] = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i]!;
    if (!arg.startsWith("--") || arg === "--") {
      acting.push(arg);
      continue;
    }
    const [written = arg] = arg.split("=", 1);
    const flag = findFlag(written);
    const inline = written === arg ? undefined : arg.slice(written.length + 1);
    const option = findOption(flag), without = option === undefined ? neutralFlag(flag) : undefined;
    const takes = option === undefined ? without?.takes : takesOf(option);
    if (takes === undefined) {
      if (!PRINTING_FLAGS.includes(flag)) {
        const reason = `unknown option '${written}'${suggestFlag(written)}`;
        throw new UsageError(`Cannot read the command line: ${reason}`);
      }
      acting.push(flag);
      continue;
    }
    const rest = argv.slice(i + 1), next = rest.findIndex((value) => value.startsWith("--"));
    const values = valuesOf(arg, flag, takes, inline, next < 0 ? rest : rest.slice(0, next));
    if (inline === undefined) i += values.length;
    if (without !== undefined) neutral.push(neutralGiven(without, flag, values));
    else acting.push(...inline === undefined ? [flag, ...values] : [`${flag}=${inline}`]);
  }
  return { acting, neutral };
}

function takesOf({ required, variadic }: Option): NeutralFlag["takes"] {
  if (!required) return "switch";
  return variadic ? "list" : "value";
}

/** The arguments behind a flag, up to the next flag, that are its values. */
function valuesOf(
  arg: string,
  flag: string,
  takes: NeutralFlag["takes"],
  inline: string | undefined,
  following: readonly string[],
): readonly string[] {
  if (takes === "switch" || takes === "negatable") {
    if (inline !== undefined) throw new UsageError(`Cannot use ${arg}: ${flag} takes no value`);
    return [];
  }
  if (inline !== undefined) return [inline];
  const values = takes === "list" ? following : following.slice(0, 1);
  if (values.length === 0 && takes !== "optional") {
    throw new UsageError(`Cannot use ${flag}: its value is missing`);
  }
  return values;
}

function neutralGiven(flag: NeutralFlag, name: string, values: readonly string[]): NeutralGiven {
  const shown = values.length > 0 && isSecret(name) ? [MASK] : values;
  const value = values.length > 0 ? values.join(" ") : !name.startsWith("--no-");
  return { flag, value, written: [name, ...shown].join(" ") };
}

/** The flag that `written` is, or is the beginning of; `written` itself if there is none. */
function findFlag(written: string): string {
  const exact = findOption(written);
  if (exact !== undefined) return exact.long!;
  if (neutralFlag(written) !== undefined) return written;
  const acting = [...options.map(({ long }) => long!), ...PRINTING_FLAGS].filter((name) =>
    name.startsWith(written)
  );
  const candidates = acting.length > 0 ? acting : neutralNames(written);
  if (acting.length === 0 && areAlike(candidates)) {
    return candidates.reduce((shortest, name) => name.length < shortest.length ? name : shortest);
  }
  if (candidates.length > 1) {
    throw new UsageError(`Cannot tell which flag ${written} is: it could be ${candidates.join(", ")}`);
  }
  return candidates[0] ?? written;
}

/** Whether it makes no difference which of some flags without effect is meant: `--cuda-graph-max` begins four. */
function areAlike(names: readonly string[]): boolean {
  const [first, ...others] = names.map((name) => neutralFlag(name)!);
  return first !== undefined && first.neutral === undefined &&
    others.every(({ takes, neutral, reason }) =>
      neutral === undefined && takes === first.takes && reason === first.reason
    );
}
