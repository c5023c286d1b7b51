/**
 * Tries every mutant on a copy of the sources in `build/mutants/`: builds what its check needs and runs the check under
 * several schedules of the simulator, each of which has to fail and say what it found. Prints a table; exit code 1 if a
 * mutant survives or cannot be tried. `run.ts 1 4b` tries some.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { type Check, describe, type Mutant, mutated } from "./mutant.ts";
import { mutants } from "./mutants.ts";

const root = join(import.meta.dirname!, "..", "..");
const copy = join(root, "build", "mutants");
/** What tests of kernels are made of; deno.json names a member of its workspace. */
const SOURCES = [
  "deno.json",
  "deno.lock",
  "ffi",
  "kernels",
  "runtime",
  "tests/kernels",
  "tests/mutants",
  "tests/support",
  "web/deno.json",
];
/** Orders of threads, blocks and work. */
const SCHEDULES = ["forward", "reverse", "1"];
/** A build, the first of which compiles everything, or a check that takes longer is ended, with all its processes. */
const MOST_SECONDS = 900;

interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Runs deno in the copy. */
async function deno(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command("timeout", {
    args: ["--kill-after=5", String(MOST_SECONDS), Deno.execPath(), ...args],
    cwd: copy,
    // One thread runs all blocks, so that a schedule is one order.
    env: { ...env, AERIE_SIM_THREADS: "1", NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, output: text.decode(stdout) + text.decode(stderr) };
}

/** Writes a file of the copy if it has another text, so that only what a mutant changes is compiled again. */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  const before = await Deno.readFile(path).catch(() => undefined);
  if (before?.length === bytes.length && before.every((byte, i) => byte === bytes[i])) return;
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(path, bytes);
}

/** The files of a folder or file below the root, by path. */
async function* filesOf(path: string): AsyncGenerator<string> {
  const { isDirectory } = await Deno.stat(join(root, path));
  if (!isDirectory) return yield path;
  for await (const { name } of Deno.readDir(join(root, path))) yield* filesOf(`${path}/${name}`);
}

/** Makes the copy what the sources are. */
async function copySources(): Promise<void> {
  const paths = new Set<string>();
  for (const source of SOURCES) {
    for await (const path of filesOf(source)) {
      paths.add(path);
      await write(join(copy, path), await Deno.readFile(join(root, path)));
    }
  }
  await removeOthers("", paths);
}

/** Removes files that the sources do not have any more, save what was built. */
async function removeOthers(prefix: string, paths: ReadonlySet<string>): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(join(copy, prefix))) {
    const path = `${prefix}${name}`;
    if (path === "build") continue;
    if (isDirectory) await removeOthers(`${path}/`, paths);
    else if (!paths.has(path)) await Deno.remove(join(copy, path));
  }
}

/** Builds what a check needs. */
async function build(check: Check): Promise<void> {
  const args = "case" in check ? [check.program, check.build] : ["library"];
  const { code, output } = await deno(["run", "-A", "tests/mutants/case.ts", ...args]);
  if (code !== 0) throw new Error(`does not build\n${output}`);
}

/** Runs a check, which is built. */
async function run(check: Check, schedule: string): Promise<Outcome> {
  const env = { AERIE_SIM_SEED: schedule };
  if ("case" in check) {
    return await deno(["run", "-A", "tests/mutants/case.ts", check.program, check.build, check.case], env);
  }
  const library = join(copy, "build", "cuda-checked", "libaerie_cuda_sim.so");
  return await deno(["test", "-A", "--no-check", "--quiet", "--filter", check.name, check.test], {
    ...env,
    AERIE_SIM_LIBRARY: library,
    // That of the CPU is not built: none of its tests are asked for.
    AERIE_LIBRARY: library,
  });
}

/**
 * Runs a check without a mutant.
 *
 * @throws {Error} if it fails, or runs nothing
 */
async function assertPasses(check: Check): Promise<void> {
  await build(check);
  for (const schedule of SCHEDULES) {
    const { code, output } = await run(check, schedule);
    const runs = "case" in check || /^ok \| [1-9]\d* passed/m.test(output);
    if (code !== 0 || !runs) throw new Error(`${describe(check)} [${schedule}] fails without it\n${output}`);
  }
}

/**
 * Puts a mutant into the copy and runs its check.
 *
 * @returns what was found under the last schedule
 * @throws {Error} if it survives a schedule, does not compile, does not end or fails otherwise than it should
 */
async function tryMutant({ check, finds }: Mutant): Promise<string> {
  await build(check);
  let found: string | undefined;
  for (const schedule of SCHEDULES) {
    const { code, output } = await run(check, schedule);
    if (code === 0) throw new Error(`survives [${schedule}]`);
    if (code === 124 || code === 137) throw new Error(`does not end within ${MOST_SECONDS} s [${schedule}]`);
    found = output.split("\n").find((line) => finds.test(line));
    if (found === undefined) throw new Error(`fails otherwise than by ${finds} [${schedule}]\n${output}`);
  }
  return found!;
}

const encoder = new TextEncoder();
const print = (line: string) => Deno.stdout.writeSync(encoder.encode(`${line}\n`));

/** Tries a mutant; what was found, in short. The copy is afterwards as it was before. */
async function verdictOf(mutant: Mutant): Promise<string> {
  const files = mutated(copy, mutant);
  const before = new Map([...files.keys()].map((path) => [path, Deno.readFileSync(join(copy, path))]));
  try {
    for (const [path, text] of files) await write(join(copy, path), encoder.encode(text));
    const line = (await tryMutant(mutant)).trim();
    return line.slice(Math.max(0, line.indexOf("cuda-sim:"))).slice(0, 150);
  } finally {
    for (const [path, bytes] of before) await write(join(copy, path), bytes);
  }
}

await Deno.mkdir(copy, { recursive: true });
using lock = await Deno.open(`${copy}.lock`, { write: true, create: true });
await lock.lock(true);
await copySources();
const chosen = Deno.args.length === 0 ? mutants : mutants.filter(({ id }) => Deno.args.includes(id));
// All without mutants first: then nothing is compiled again for the sake of a file that is restored.
const failures = new Map<string, string>();
for (const check of new Map(chosen.map(({ check }) => [describe(check), check])).values()) {
  await assertPasses(check).catch((error) => failures.set(describe(check), error.message));
}
let numCaught = 0;
for (const mutant of chosen) {
  const check = describe(mutant.check);
  let verdict = failures.get(check);
  try {
    if (verdict === undefined) {
      verdict = `caught: ${await verdictOf(mutant)}`;
      numCaught++;
    }
  } catch (error) {
    verdict = `NOT CAUGHT: ${error instanceof Error ? error.message : error}`;
  }
  print(`${mutant.id.padStart(3)} ${mutant.name} | ${check} | ${verdict}`);
}
// As deno test ends, for who counts.
const isOk = numCaught === chosen.length && numCaught > 0;
print(`${isOk ? "ok" : "FAILED"} | ${numCaught} passed | ${chosen.length - numCaught} failed`);
Deno.exit(isOk ? 0 : 1);
