/**
 * `AERIE_TRACE` and `native/replay.cpp`: what a library did is played against the same and another one, and the first
 * op that differs is named.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { listFiles, readFile } from "../lint/sources.ts";
import { isSimulatorBuilt, simulatorPath } from "../support/cuda_sim.ts";
import { libraryPath } from "../support/native.ts";
import { run, type SimOutcome } from "../support/sim_programs.ts";

const root = join(import.meta.dirname!, "..", "..");
/** Which devices `replay` opens a library for, see `enum aerie_device`. */
const CPU = 0, CUDA_SIM = 2;

/** A folder with the program, and a trace of `tests/support/traced_forward.ts` on a device. */
class Replay implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "aerie_replay_" });

  async build(): Promise<void> {
    const sources = listFiles("tests/kernels/native").filter((path) => /\/replay\w*\.cpp$/.test(path));
    const flags = ["-std=c++20", "-O1", "-Wall", "-Wextra", "-Werror", "-Ikernels", "-Ikernels/include"];
    const { code, stderr } = await run("g++", [
      ...flags.map((flag) => flag.replace("-I", `-I${root}/`)),
      ...sources.map((path) => join(root, path)),
      ...["-o", join(this.folder, "replay"), "-ldl"],
    ]);
    assert.equal(code, 0, stderr);
  }

  async record(library: string, device: string): Promise<string> {
    const path = join(this.folder, device), program = join(root, "tests", "support", "traced_forward.ts");
    const { code, stderr } = await run(Deno.execPath(), ["run", "-A", program, library, device], {
      AERIE_TRACE: path,
      AERIE_LIBRARY: library,
      AERIE_CPU_ISA: "portable",
    });
    assert.equal(code, 0, stderr);
    return path;
  }

  async play(...args: string[]): Promise<SimOutcome> {
    return await run(join(this.folder, "replay"), args, { AERIE_CPU_ISA: "portable" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function openReplay(): Promise<Replay> {
  const replay = new Replay();
  await replay.build();
  return replay;
}

Deno.test("replay: a trace equals itself, and a changed number is found with its place and both values", async () => {
  await using replay = await openReplay();
  const trace = await replay.record(libraryPath, "cpu");
  const options = [`--library=${libraryPath}`, `--device=${CPU}`];
  const { code, stdout, stderr } = await replay.play(...options, trace);
  assert.equal(code, 0, stdout + stderr);
  // Two forwards of 3 rows of 16 numbers, and 2 rows of 48.
  assert.match(stdout, /: equal: \d+ calls, 3 outputs of 768 bytes\n$/);

  const bytes = await Deno.readFile(trace);
  // The last record is the context's end, of one handle; in front of it are the arguments of the last read after its
  // numbers: a handle and two scalars.
  const end = bytes.length - (16 + 5) - (5 + 9 + 9);
  bytes[end - 1]! ^= 0x80;
  await Deno.writeFile(trace, bytes);
  const changed = await replay.play(...options, trace);
  assert.equal(changed.code, 1, changed.stdout + changed.stderr);
  const [, found, expected] =
    /: differs at call \d+: tensor_read: \[1, 47\] is (\S+) \(0x\w{8}\), expected (\S+) \(0x\w{8}\); 1 of 96 numbers/
      .exec(changed.stdout)!;
  assert.equal(Number(found), -Number(expected));

  await Deno.writeFile(trace, bytes.subarray(0, end));
  const cut = await replay.play(...options, trace);
  assert.equal(cut.code, 2);
  assert.match(cut.stderr, /^Cannot read \S+: cut off$/m);
});

Deno.test({
  name: "replay: the first op of a graph whose numbers differ is named with its shapes",
  ignore: !isSimulatorBuilt,
  fn: async () => {
    await using replay = await openReplay();
    const trace = await replay.record(simulatorPath!, "cuda-sim");
    const itself = await replay.play(`--library=${simulatorPath}`, `--device=${CUDA_SIM}`, trace);
    assert.equal(itself.code, 0, itself.stdout + itself.stderr);
    // The simulator's tensor cores have other bits than the CPU's products; a row of a table has the same.
    const other = await replay.play(
      ...[`--library=${libraryPath}`, `--device=${CPU}`],
      ...[`--beside=${simulatorPath}`, `--beside-device=${CUDA_SIM}`, trace],
    );
    assert.equal(other.code, 1, other.stdout + other.stderr);
    const [first, second] = other.stdout.trim().split("\n");
    assert.match(first!, /: differs at call \d+: tensor_read: \[\d+, \d+\] is /);
    assert.match(
      second!,
      /: the first op that differs is call \d+, op [23] of the graph: (rms_norm|linear) of tensor \[3, 48\], tensor \[3, 48\], (tensor \[1, 48\]|weight \[48, 48\]): \[\d, \d+\] is \S+ \(0x\w+\), expected /,
    );
    const ops = await replay.play(
      ...[`--library=${simulatorPath}`, `--device=${CUDA_SIM}`],
      ...[`--beside=${simulatorPath}`, `--beside-device=${CUDA_SIM}`, "--ops", trace],
    );
    assert.equal(ops.code, 0, ops.stdout + ops.stderr);
    assert.match(ops.stdout, /: no op differs by itself: 11 ops\n$/);
  },
});

Deno.test("replay: every function of aerie.h is traced, or has no effect and no result that is the same elsewhere", () => {
  const names = (text: string, pattern: RegExp) =>
    [...text.matchAll(pattern)].map(([, name]) => name!).sort();
  const untraced = ["abi_version", "context_describe", "context_error", "context_memory", "poll"];
  const traced = ["kernels/abi/entries.h", "kernels/core/op_list.h"]
    .flatMap((path) => names(readFile(path), /^ {4}X\((\w+)\)/gm));
  assert.deepEqual(
    [...untraced, ...traced].sort(),
    names(readFile("kernels/include/aerie.h"), /^AERIE_API int32_t aerie_(\w+)\(/gm),
  );
});
