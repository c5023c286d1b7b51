/**
 * Reads the command line of `scale.ts`.
 *
 * @module
 */
import { Command, CommanderError, Option } from "commander";
import { z } from "zod";
import { withApiKey } from "../cli/api_key.ts";
import { describeConfig, parseArgs } from "../cli/args.ts";
import type { Environment } from "../cli/flag_sources.ts";
import { integer, oneOf, text } from "../cli/flag_values.ts";
import { UsageError } from "../cli/usage_error.ts";
import { routers } from "./router.ts";

/** Variables that name the key as a flag. */
const KEY_VARIABLES = ["AERIE_FLAG_API_KEY", "AERIE_FLAG_API_KEY_FILE"];

/** Options of `scale.ts`. */
export interface ScaleOptions {
  /** Workers behind the router. */
  readonly numWorkers: number;
  /** Name in {@linkcode routers}. */
  readonly router: keyof typeof routers;
  /** How the router chooses a worker, by its own name for that. */
  readonly policy: string;
  /** Where the router listens; port 0 takes a free one. */
  readonly host: string;
  readonly port: number;
  /** Asked for by the router and by each worker. */
  readonly apiKey?: string;
  /** Seconds that requests have to end after a signal. */
  readonly drainTimeout: number;
  /** Flags of each worker, besides address and key. */
  readonly workerFlags: readonly string[];
}

const flagSchema = z.object({
  workers: integer(1, 256).default(2),
  router: oneOf(...Object.keys(routers) as (keyof typeof routers)[]).default("smg"),
  policy: text.default("cache_aware"),
  host: text.default("127.0.0.1"),
  port: integer(0, 65535).default(30000),
  apiKey: z.string().exactOptional(),
  apiKeyFile: z.string().exactOptional(),
});

const flags: readonly [notation: string, help: string][] = [
  ["--workers <count>", "Workers behind the router (default: 2)"],
  ["--router <name>", `${Object.keys(routers).join(" or ")} (default: smg)`],
  [
    "--policy <name>",
    "Policy of the router, e.g. cache_aware, round_robin, power_of_two (default: cache_aware)",
  ],
  ["--host <address>", "Address the router listens on; workers listen on loopback (default: 127.0.0.1)"],
  ["--port <number>", "Port the router listens on; 0 takes a free one (default: 30000)"],
  ["--api-key <key>", "Bearer token asked for by router and workers"],
  [
    "--api-key-file <path>",
    "File with that token, which then does not show in ps; nor does one in AERIE_API_KEY",
  ],
];

/**
 * Parses the arguments; a text to print for `--help`, and for `--print-config` that of the workers. What is not a flag
 * of `scale.ts` must be one of `serve.ts` and goes to the workers, with these unless they are given: the machine's CPUs
 * divided, and no limit on what one client may queue, since all clients of a worker have the router's address.
 *
 * @throws {UsageError} naming the flag at fault
 */
export function parseScaleArgs(
  argv: readonly string[],
  environment: Environment = Deno.env,
): ScaleOptions | string {
  const { given, rest, help } = split(argv);
  if (help !== undefined) return help;
  const parsed = flagSchema.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UsageError(`Cannot use --${String(issue!.path[0])}: ${issue!.message}`);
  }
  const { workers: numWorkers, apiKey, apiKeyFile, ...own } = parsed.data;
  // Workers read the other variables themselves.
  const worker = parseArgs(rest, {
    get: (name) => environment.get(name),
    toObject: () => environment.toObject(),
    delete: () => {},
  });
  if (worker.type !== "serve") return worker.text;
  if (worker.listModels) throw new UsageError("Cannot use --list-models: serve.ts prints them");
  const { args, origins } = worker;
  for (const name of ["host", "port", "apiKey", "apiKeyFile"] as const) {
    const origin = origins[name];
    if (origin === undefined || name.startsWith("api") && origin.kind !== "flag") continue;
    throw new UsageError(
      `Cannot use ${origin.name} for workers: it is the fleet's, as a flag written in full`,
    );
  }
  const ownKey = { ...(apiKey !== undefined && { apiKey }), ...(apiKeyFile !== undefined && { apiKeyFile }) };
  const { apiKey: _key, apiKeyFile: _file, ...open } = args;
  const keyed = Object.keys(ownKey).length > 0
    ? withApiKey({ ...open, ...ownKey }, environment)
    : withApiKey(args, environment, origins);
  const { apiKey: key } = keyed.args;
  // A worker gets the key by AERIE_API_KEY, and takes no second one.
  for (const name of KEY_VARIABLES) environment.delete(name);
  const threads = Math.max(1, Math.floor(navigator.hardwareConcurrency / numWorkers));
  if (worker.printConfig) {
    const shown = { threads, maxQueuedPerClient: -1, ...keyed.args };
    return describeConfig(shown, { ...origins, ...keyed.origins }, worker.neutral);
  }
  return {
    ...own,
    numWorkers,
    ...(key !== undefined && { apiKey: key }),
    drainTimeout: args.drainTimeout,
    workerFlags: [
      ...rest,
      ...(args.threads === undefined ? ["--threads", String(threads)] : []),
      ...(args.maxQueuedPerClient === undefined ? ["--max-queued-per-client", "-1"] : []),
    ],
  };
}

/** The flags of `scale.ts`, those of `serve.ts`, and the help where it is asked for. */
function split(argv: readonly string[]): {
  readonly given: Readonly<Record<string, unknown>>;
  readonly rest: readonly string[];
  readonly help?: string;
} {
  const program = new Command("scale.ts")
    .usage("[flags] [flags of serve.ts]")
    .description("Starts several servers on this machine behind an existing router.")
    .helpOption("-h, --help", "Print this help")
    .addHelpText("after", "\nAll other flags go to each worker: deno run -A serve.ts --help")
    .allowUnknownOption()
    .allowExcessArguments();
  for (const [notation, help] of flags) program.addOption(new Option(notation, help));
  let printed = "";
  program.configureOutput({ writeOut: (text) => printed += text, writeErr: () => {} }).exitOverride();
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { given: {}, rest: [], help: printed };
    throw new UsageError(`Cannot read the command line: ${error.message.replace(/^error: /, "")}`);
  }
  return { given: program.opts(), rest: program.args };
}
