/**
 * `deno task gpu-check:record`: runs the kernels' tests, those of batch invariance and {@linkcode GENERATIONS} on
 * cuda-sim with `AERIE_TRACE`, and packs the traces into `build/gpu-check/bundle.tar.xz` for a machine with a GPU
 * (docs/gpu_check.md). What was recorded is kept until the sources change: a second run goes on where one ended.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { ensureLibrary } from "../../ffi/build.ts";
import { run } from "../support/sim_programs.ts";
import { GENERATIONS } from "./generate.ts";

/** Bytes of a bundle at most: what else travels has to fit beside it. */
const MOST_BYTES = 20 << 20;
/** Devices whose tensor cores differ; every trace is for one of them. */
const DEVICES = ["sm_90", "sm_80"] as const;
const KERNEL_TESTS = [
  ...["activation", "attention", "dtype", "embedding", "kv_copy", "linear", "rms_norm", "rope", "rows"],
  ...["sampling", "sampling_logprobs", "sampling_masks", "slices"],
];

const root = join(import.meta.dirname!, "..", "..");
const folder = join(root, "build", "gpu-check");

/** What one trace is of: a command, and the device that it runs on. */
export interface Recording {
  readonly name: string;
  readonly device: (typeof DEVICES)[number];
  readonly args: readonly string[];
}

/** What is recorded, and on which device. */
function recordings(): Recording[] {
  const test = (path: string, filter: string) => ["test", "-A", "--no-check", "--filter", filter, path];
  return [
    ...KERNEL_TESTS.map((name) => ({
      name: `kernel-${name}`,
      device: DEVICES[0],
      args: test(`tests/kernels/${name}_test.ts`, "[cuda-sim]"),
    })),
    { name: "kernel-linear", device: DEVICES[1], args: test("tests/kernels/linear_test.ts", "[cuda-sim]") },
    {
      name: "invariance",
      device: DEVICES[0],
      args: test("tests/kernels/cuda/invariance_test.ts", `[cuda-sim ${DEVICES[0]},`),
    },
    ...GENERATIONS.map(({ name }, i) => ({
      name: `generation-${name}`,
      device: DEVICES[0],
      args: ["run", "-A", "--no-check", "tests/gpu_check/generate.ts", `${i}`],
    })),
    {
      name: `generation-${GENERATIONS.at(-1)!.name}`,
      device: DEVICES[1],
      args: ["run", "-A", "--no-check", "tests/gpu_check/generate.ts", `${GENERATIONS.length - 1}`],
    },
  ];
}

/** Runs a command and leaves its trace of cuda-sim at `path`. */
export async function record({ name, device, args }: Recording, path: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const work = await Deno.makeTempDir({ dir: folder });
  try {
    const env = { AERIE_TRACE: join(work, "trace"), AERIE_SIM_DEVICE: device };
    const { code, stdout, stderr } = await run(Deno.execPath(), args, env);
    assert.equal(code, 0, `${name}\n${stdout}${stderr}`);
    // Every library of the process has a trace of its own.
    const traces = [...Deno.readDirSync(work)].map((entry) => join(work, entry.name)).filter(isOfSimulator);
    assert.equal(traces.length, 1, `${name} leaves one trace`);
    await Deno.rename(traces[0]!, path);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Whether a trace begins with a context on `AERIE_CUDA_SIM`; see kernels/abi/trace.h. */
function isOfSimulator(path: string): boolean {
  const bytes = Deno.readFileSync(path), view = new DataView(bytes.buffer);
  let at = 12;
  for (let names = view.getUint32(8, true); names > 0; at++) if (bytes[at] === 0) names--;
  // Function, number of arguments, bytes; then a made handle of 5 bytes, and a scalar.
  return view.getUint32(at, true) === 0 && view.getUint8(at + 16 + 5 + 1) === 2;
}

/** Changes with what a recording is of: the library, the program and what supports it. */
function hashOf({ args }: Recording, library: string): string {
  const support = join(root, "tests", "support"),
    names = [...Deno.readDirSync(support)].map(({ name }) => name);
  const program = args.find((arg) => arg.endsWith(".ts"))!;
  const hash = createHash("sha256").update(args.join(" "));
  for (const path of [library, join(root, program), ...names.sort().map((name) => join(support, name))]) {
    hash.update(Deno.readFileSync(path));
  }
  return hash.digest("hex").slice(0, 16);
}

/** Packs traces into `bundle`, whose bytes are returned. */
export async function pack(traces: readonly string[], bundle: string): Promise<number> {
  const { code, stderr } = await run("python3", [
    join(root, "tools", "gpu_check", "pack.py"),
    bundle,
    ...traces,
  ]);
  assert.equal(code, 0, stderr);
  return (await Deno.stat(bundle)).size;
}

async function main(): Promise<void> {
  const say = (line: string) => Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
  const library = await ensureLibrary({ device: "cuda-sim" });
  const all = recordings(), paths: string[] = [];
  for (const [i, recording] of all.entries()) {
    const { name, device } = recording, parent = join(folder, "recorded", `${name}.${device}`);
    const path = join(parent, hashOf(recording, library), `${name}.${device}.trace`);
    const isDone = await Deno.stat(path).then(() => true, () => false);
    if (!isDone) {
      await Deno.remove(parent, { recursive: true }).catch(() => {});
      await Deno.mkdir(dirname(path), { recursive: true });
      await record(recording, path);
    }
    paths.push(path);
    say(`${i + 1} of ${all.length}: ${name} ${device}, ${Deno.statSync(path).size} bytes`);
  }
  const bundle = join(folder, "bundle.tar.xz"), bytes = await pack(paths, bundle);
  say(`${bundle}: ${bytes} bytes`);
  if (bytes > MOST_BYTES) throw new RangeError(`Cannot use the bundle: ${bytes} bytes of ${MOST_BYTES}`);
}

if (import.meta.main) await main();
