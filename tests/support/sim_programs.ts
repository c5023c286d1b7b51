/**
 * Native test programs on the simulator of CUDA: built once, run case by case.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";

const root = join(import.meta.dirname!, "..", "..");

/** Orders of threads, blocks and work that checks run under: both ways, and three at random. */
export const SCHEDULES: readonly string[] = ["forward", "reverse", "1", "2", "3"];

/** Kernels as they are, or with access checks. */
export type SimBuild = "plain" | "checked";

/** How a program ended, and what it printed. */
export interface SimOutcome {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function run(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<SimOutcome> {
  const { code, signal, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    env,
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, signal, stdout: text(stdout), stderr: text(stderr) };
}

/** What CMake builds of one folder: a program per {@linkcode SimBuild}, each with the same cases. */
class SimPrograms {
  readonly #sources: string;
  readonly #folder: string;
  readonly #built = new Map<string, Promise<void>>();

  /** `sources` is a folder of `tests/kernels/`, `folder` one of `build/`. */
  constructor(sources: string, folder: string) {
    this.#sources = join(root, "tests", "kernels", sources);
    this.#folder = join(root, "build", folder);
  }

  /** Runs a case. */
  async run(program: SimBuild, name: string, env: Record<string, string> = {}): Promise<SimOutcome> {
    return await run(await this.pathOf(program), [name], env);
  }

  /** Runs a case that must come to its end without a finding; the lines that it printed. */
  async pass(
    program: SimBuild,
    name: string,
    env: Record<string, string> = {},
  ): Promise<readonly string[]> {
    const { code, stdout, stderr } = await this.run(program, name, env);
    assert.equal(code, 0, `${program} ${name} ${JSON.stringify(env)}\n${stdout}${stderr}`);
    assert.match(stdout, /^done$/m, name);
    return stdout.trimEnd().split("\n").slice(0, -1);
  }

  /** Runs a case that must come to its end without a finding and print nothing on its way. */
  async passSilently(program: SimBuild, name: string, env: Record<string, string> = {}): Promise<void> {
    assert.deepEqual(await this.pass(program, name, env), [], name);
  }

  /** Path of a program, or of a library `lib<target>.so`, which is built first. */
  async pathOf(file: string): Promise<string> {
    let built = this.#built.get(file);
    if (built === undefined) this.#built.set(file, built = this.#build(file.replace(/^lib(.*)\.so$/, "$1")));
    await built;
    return join(this.#folder, file);
  }

  async #build(target: string): Promise<void> {
    await Deno.mkdir(this.#folder, { recursive: true });
    using lock = await Deno.open(join(this.#folder, ".lock"), { write: true, create: true });
    await lock.lock(true);
    const configure = ["-S", this.#sources, "-B", this.#folder];
    const compile = [
      "--build",
      this.#folder,
      "--target",
      target,
      "--parallel",
      `${navigator.hardwareConcurrency}`,
    ];
    for (const args of [configure, compile]) {
      const { code, stdout, stderr } = await run("cmake", args);
      assert.equal(code, 0, `cmake ${args.join(" ")}\n${stdout}${stderr}`);
      assert.doesNotMatch(`${stdout}${stderr}`, /\bwarning:/, "no compiler warns");
    }
  }
}

/** Programs that hold the simulator itself to CUDA. Its build also makes `libshared.so`, see `library.cpp` there. */
export const simulatorPrograms: SimPrograms = new SimPrograms("sim/native", "sim-tests");
/** Programs of linear and embedding. */
export const linearPrograms: SimPrograms = new SimPrograms("cuda/linear", "cuda-linear-tests");
/** Programs of drawing. */
export const samplingPrograms: SimPrograms = new SimPrograms("cuda/sampling", "cuda-sampling-tests");
/** Programs of the other ops. */
export const opPrograms: SimPrograms = new SimPrograms("cuda/ops", "cuda-ops-tests");
/** The whole library, with access checks: `libaerie_cuda_sim.so`. */
export const checkedLibrary: SimPrograms = new SimPrograms("cuda/checked", "cuda-checked");
