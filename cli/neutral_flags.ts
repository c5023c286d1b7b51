/**
 * SGLang's flags that do nothing here. A command line written for SGLang starts as long as it asks for nothing that
 * is not there: each flag is taken at any value, at its neutral values only, or never.
 *
 * @module
 */
import table from "./neutral_flags.json" with { type: "json" };
import { UsageError } from "./usage_error.ts";

/** A flag of SGLang without effect. */
export interface NeutralFlag {
  /** Names of the flag, SGLang's first one first. */
  readonly names: readonly string[];
  /** Values that follow the flag: one, one or none, several, none, or none with a form `--no-...` beside it. */
  readonly takes: "value" | "optional" | "list" | "switch" | "negatable";
  /** Values that ask for nothing; undefined: all. A switch that is given has the value `true`. */
  readonly neutral: readonly string[] | undefined;
  /** Why it has no effect, and why a value that is not neutral is refused. */
  readonly reason: string;
}

/** Groups of the table, and the reason that the flags of each share. */
const REASONS: Readonly<Record<keyof typeof table, string>> = {
  parallel: "one process runs one model on one device",
  links: "there is one device, and nothing between devices to set up",
  disaggregation: "one process does both prefill and decode",
  kernels: "Aerie has its own kernels and chooses among them",
  graphs: "every forward is recorded once, and CUDA graphs are captured of it at sizes that fit all batches",
  compiled: "compiled means fused and shape-specialised ops, which are always on",
  steps: "Aerie plans its steps itself",
  priority: "requests have no priorities",
  deterministic: "what it asks for is always so",
  sampling: "what a request leaves out has the defaults of --sampling-defaults",
  cache: "KV and weights lie in the device's memory in one form",
  tiers: "the KV pool has one tier",
  loading: "a model is run as its files say, which are read once",
  quant: "weights stay as their file has them",
  models: "models of that kind are not served yet",
  experts: "mixtures of experts are not served yet",
  media: "images, audio and video are not served yet",
  lora: "LoRA adapters are not served yet",
  embedding: "multi-item scores are not served yet",
  tokenizer: "text always becomes tokens, in the one way the model's tokenizer says",
  templates: "one chat template serves all requests, without arguments for all",
  parsers: "tools run at the client, and thinking has one rule",
  whitespace: "JSON that a grammar enforces is written in one way for all requests",
  grammar: "grammars are not kept on disk, and what a grammar forces is always drafted",
  drafting: "Aerie does not draft in that way",
  answers: "answers have no such form or part",
  keys: "one key opens every route",
  tls: "TLS ends at a proxy in front of the server",
  protocol: "HTTP/1.1 is the one protocol, without sessions and stored answers",
  processes: "Aerie runs its processes and keeps their memory its own way",
  access: "there is no access log",
  requests: "--log-requests writes lines of text into the server's log",
  metrics: "metrics have fixed names, labels and buckets",
  records: "the server writes no such records",
};

/** Every flag without effect, by group. */
export const neutralFlags: readonly NeutralFlag[] = Object.entries(table).flatMap(([group, flags]) =>
  flags.map((flag: { names: string[]; takes: string; neutral?: string[] }) => ({
    names: flag.names,
    takes: flag.takes as NeutralFlag["takes"],
    neutral: flag.neutral,
    reason: REASONS[group as keyof typeof table],
  }))
);

const byName = new Map(neutralFlags.flatMap((flag) => namesOf(flag).map((name) => [name, flag] as const)));

/** The flag of a name, `--no-...` included. */
export function neutralFlag(name: string): NeutralFlag | undefined {
  return byName.get(name);
}

/** Names that begin with `prefix`, one a flag. */
export function neutralNames(prefix: string): string[] {
  const names = [...byName.keys()].filter((name) => name.startsWith(prefix));
  return names.filter((name, i) => names.findIndex((other) => byName.get(other) === byName.get(name)) === i);
}

/** How a flag may be written. */
function namesOf({ names, takes }: NeutralFlag): readonly string[] {
  if (takes !== "negatable") return names;
  return [...names, ...names.map((name) => name.replace("--", "--no-"))];
}

/** A flag without effect as it was given. */
export interface NeutralGiven {
  readonly flag: NeutralFlag;
  readonly value: string | boolean;
  /** Flag and value, for remark and error. */
  readonly written: string;
}

/**
 * The remark that a flag does nothing; undefined if its value asks for nothing anyway.
 *
 * @throws {UsageError} if the value asks for what is not there
 */
export function checkNeutral({ flag, value, written }: NeutralGiven): string | undefined {
  const { takes, neutral, reason } = flag;
  if (takes === "switch" && value === false) return undefined;
  if (neutral === undefined || neutral.some((word) => isSame(word, String(value)))) {
    return `${written} has no effect: ${reason}`;
  }
  const words = takes === "negatable" ? [] : neutral;
  throw new UsageError(
    `Cannot use ${written}: ${reason}${words.length > 0 ? `, expected ${words.join(" or ")}` : ""}`,
  );
}

/** Compares two values as Python reads them: `1.0` equals `1`. */
function isSame(left: string, right: string): boolean {
  return left === right || (right.trim() !== "" && Number(left) === Number(right));
}
