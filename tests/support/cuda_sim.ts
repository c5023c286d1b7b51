/**
 * The CUDA backend on the simulator, for the kernels' tests: beside the instruction sets of the CPU, and alone.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ensureLibrary } from "../../ffi/build.ts";
import { Context } from "../../ffi/context.ts";
import { openLibrary } from "../../ffi/library.ts";
import { testEachIsa } from "./native.ts";

/**
 * Where the library is not built and nobody asks for it, its tests are ignored: it takes minutes to build. So are they
 * where another library is under test, such as one with sanitizers, which fibers confuse. `AERIE_SIM_LIBRARY` is the
 * path of another build of it.
 */
const isWanted = !Deno.env.has("AERIE_LIBRARY") && (Deno.env.has("CI") || isBuilt());
const libraryPath = Deno.env.get("AERIE_SIM_LIBRARY") ??
  (isWanted ? await ensureLibrary({ device: "cuda-sim" }) : undefined);

/** Its path; undefined where its tests are ignored. */
export const simulatorPath: string | undefined = libraryPath;

/** Whether there is a library to open. */
export const isSimulatorBuilt: boolean = libraryPath !== undefined;

// The library stays open for good: opened here, no test is blamed for it.
if (libraryPath !== undefined) openLibrary(libraryPath);

const simulator = libraryPath === undefined ? undefined : Deno.dlopen(
  libraryPath,
  {
    aerie_sim_inject: { parameters: ["buffer", "u64", "i32"], result: "void" },
    aerie_sim_set_device: { parameters: ["buffer"], result: "void" },
    aerie_sim_set_schedule: { parameters: ["buffer"], result: "void" },
    aerie_sim_forget: { parameters: [], result: "void" },
    aerie_sim_report: { parameters: ["buffer", "usize"], result: "usize" },
  } as const,
);

function isBuilt(): boolean {
  try {
    return Deno.statSync(new URL("../../build/libaerie_cuda_sim.so", import.meta.url)).isFile;
  } catch {
    return false;
  }
}

/** A device of the simulator, and the order in which its threads, blocks and work run: see docs/simulator.md. */
export interface Simulated {
  readonly device: "sm_80" | "sm_90";
  readonly schedule: string;
}

/** What the environment says. */
const DEFAULT: Simulated = {
  device: Deno.env.get("AERIE_SIM_DEVICE") === "sm_80" ? "sm_80" : "sm_90",
  schedule: Deno.env.get("AERIE_SIM_SEED") ?? "forward",
};

/** Both kinds of device, one of them in a random schedule. */
export const SIMULATED: readonly Simulated[] = [
  { device: "sm_90", schedule: "forward" },
  { device: "sm_80", schedule: "7" },
];

/** Makes the simulator's devices such ones from now on; what a context or an engine on them is opened with. */
export function simulate(
  { device, schedule }: Simulated = DEFAULT,
): { readonly libraryPath: string; readonly device: "cuda-sim" } {
  simulator!.symbols.aerie_sim_set_device(zeroEnded(device));
  simulator!.symbols.aerie_sim_set_schedule(zeroEnded(schedule));
  return { libraryPath: libraryPath!, device: "cuda-sim" };
}

/** A context on the simulator, with two threads of the host. */
export function openSimulated(simulated?: Simulated): Context {
  const { libraryPath, device } = simulate(simulated);
  return new Context(libraryPath, { device, threads: 2 });
}

/** Registers a test on each of {@linkcode SIMULATED}. */
export function testEachSimulated(
  name: string,
  body: (simulated: Simulated) => void | Promise<void>,
  simulated: readonly Simulated[] = SIMULATED,
): void {
  for (const each of simulated) {
    Deno.test({
      name: `${name} [cuda-sim ${each.device}, ${each.schedule}]`,
      ignore: !isSimulatorBuilt,
      fn: () => body(each),
    });
  }
}

function zeroEnded(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/**
 * Makes the `nth` call of a function of the CUDA runtime from now, or the run of a kernel, end with an error; without
 * arguments, makes the device work again.
 */
export function inject(call?: string, nth = 1, error = 0): void {
  if (call === undefined) simulator!.symbols.aerie_sim_forget();
  else simulator!.symbols.aerie_sim_inject(zeroEnded(call), BigInt(nth), error);
}

/** What the simulator counted since the last {@linkcode forgetCounts}; see `Counters` of `kernels/sim/report.h`. */
export interface SimCounts {
  readonly launches: number;
  readonly graphLaunches: number;
  readonly graphKernels: number;
  readonly copiesToDevice: number;
  readonly bytesToDevice: number;
  readonly copiesToHost: number;
  readonly bytesToHost: number;
  readonly copiesOnDevice: number;
  readonly memsets: number;
  readonly waits: number;
}

/** Work and waits since the last {@linkcode forgetCounts}. */
export function simCounts(): SimCounts {
  const text = new Uint8Array(1 << 20);
  const length = Number(simulator!.symbols.aerie_sim_report(text, BigInt(text.length)));
  const report = JSON.parse(new TextDecoder().decode(text.subarray(0, length - 1)));
  assert.deepEqual(report.findings, []);
  return report.counters;
}

/** Finishes all work and counts from nothing. */
export function forgetCounts(): void {
  inject();
}

/** Registers a test of contexts on the simulator, ignored where it is not built. */
export function testSimulated(name: string, fn: () => void): void {
  Deno.test({ name: `cuda: ${name}`, ignore: !isSimulatorBuilt, fn });
}

/**
 * Registers a test once per instruction set, and for the CUDA kernels on the simulator as its environment has it and on
 * the other of {@linkcode SIMULATED}.
 */
export function testEachBackend(name: string, body: (context: Context) => void): void {
  testEachIsa(name, body);
  const run = (simulated?: Simulated) => {
    using context = openSimulated(simulated);
    body(context);
  };
  Deno.test({ name: `${name} [cuda-sim]`, ignore: !isSimulatorBuilt, fn: () => run() });
  testEachSimulated(name, run, SIMULATED.slice(1));
}
