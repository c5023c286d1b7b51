/**
 * Mutation study of the adaptive draft policy: neutralises each of its constants in turn, in a copy of the repository, runs
 * the never_slower scenarios and prints which of them fail, as a row for docs/speculation.md. Names of constants as
 * arguments restrict it to those.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { print } from "./support/report.ts";

const root = join(import.meta.dirname!, "..");
const POLICY = "runtime/speculation_policy";
const SCENARIOS = "tests/runtime/scheduling/never_slower_test.ts";

/** What each constant is set to so that it has no effect, by file. */
const NEUTRAL: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "acceptance.ts": {
    NUM_BINS: "1",
    PRIOR_WEIGHT: "1e-9",
    MAX_BIN_WEIGHT: "Infinity",
    PRIOR_RATE: "0",
    DEPTH_MEMORY: "Infinity",
    INHERITED_WEIGHT: "Infinity",
    AGED_WEIGHT: "Infinity",
    CONFIDENCE_BONUS: "0",
  },
  "decision.ts": { MAX_PAYBACK_TOKENS: "Infinity", COOLDOWN_STEPS: "1" },
  "draft_budget.ts": { NEGLIGIBLE_SHARE: "0", FORCED_RATE: "1" },
  "forward_times.ts": {
    SCALE_WEIGHT: "0",
    CURVE_WEIGHT: "0",
    MAX_RATIO: "Infinity",
    MIN_COMPARISON_WAIT: "4096",
    MAX_COMPARISON_WAIT: "Infinity",
    COMPARISON_WAIT_GROWTH: "1",
    COMPARISON_STEPS_PER_ROOT: "0",
    RECOVERY_SHARE: "0",
    COMPARISON_WEIGHT: "0",
    CORRECTION_MEMORY: "Infinity",
  },
  "policy_state.ts": {
    DRAFT_RISE_WEIGHT: "1 / 4",
    DRAFT_FALL_WEIGHT: "1 / 16",
    MAX_DRAFT_RISE: "Infinity",
    OVERHEAD_WEIGHT: "0",
  },
  "probing.ts": {
    PROBE_SHARE: "0",
    IDLE_PROBE_SHARE: "0",
    MIN_PROBE_WAIT: "1",
    MAX_PROBE_WAIT: "Infinity",
  },
};

/** Copies the files under version control to a new folder. */
async function copyRepository(): Promise<string> {
  const { stdout } = await new Deno.Command("git", { args: ["ls-files", "-z"], cwd: root }).output();
  const folder = await Deno.makeTempDir();
  for (const file of new TextDecoder().decode(stdout).split("\0")) {
    if (!/^(runtime|tests|ffi|deno\.)/.test(file)) continue;
    await Deno.mkdir(dirname(join(folder, file)), { recursive: true });
    await Deno.copyFile(join(root, file), join(folder, file));
  }
  return folder;
}

/** Names of the scenarios that fail in a copy. */
async function failingScenarios(folder: string): Promise<string[]> {
  const { success, stdout } = await new Deno.Command("deno", {
    args: ["test", "-A", "--quiet", "--no-check", SCENARIOS],
    cwd: folder,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  const failed = [...text.matchAll(/^(.*) \.\.\. FAILED/gm)].map(([, name]) => name!);
  if (!success && failed.length === 0) throw new Error(`The scenarios do not run:\n${text}`);
  return failed;
}

const folder = await copyRepository();
const failing = await failingScenarios(folder);
if (failing.length > 0) throw new Error(`Scenarios fail as they are: ${failing.join(", ")}`);
for (const [file, constants] of Object.entries(NEUTRAL)) {
  const path = join(folder, POLICY, file), source = await Deno.readTextFile(path);
  for (const [name, neutral] of Object.entries(constants)) {
    if (Deno.args.length > 0 && !Deno.args.includes(name)) continue;
    const definition = new RegExp(`^const ${name} = .*;$`, "m");
    if (!definition.test(source)) throw new Error(`Cannot find ${name} in ${file}`);
    await Deno.writeTextFile(path, source.replace(definition, `const ${name} = ${neutral};`));
    const scenarios = await failingScenarios(folder);
    print(`| \`${name}\` | \`${file}\` | ${neutral} | ${scenarios.join("; ") || "none"} |`);
  }
  await Deno.writeTextFile(path, source);
}
await Deno.remove(folder, { recursive: true });
