/**
 * Measures the machine's limits with a small native program.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** A limit for one thread and for all threads. */
export type Limit = readonly [one: number, all: number];

/** Limits of this machine; see `bench/native/peaks.cpp`. */
export interface Machine {
  /** GB/s over as many bytes as the weights have, as in a forward: caches that hold a part of them help. */
  readonly readWeights: Limit;
  /** GB/s over 1 GiB. */
  readonly readGib: Limit;
  /** Gop/s of int8 dot products. */
  readonly int8: Limit;
  /** Gflop/s of fused multiply-adds. */
  readonly float32: Limit;
}

/** Compiles the program for this CPU into `build/bench` and runs it. */
export function measureMachine(weightBytes: number, numThreads: number): Machine {
  const root = join(import.meta.dirname!, "..", "..");
  const folder = join(root, "build", "bench"), program = join(folder, "peaks");
  mkdirSync(folder, { recursive: true });
  const source = join(root, "bench", "native", "peaks.cpp");
  execFileSync("g++", ["-std=c++20", "-O3", "-march=native", "-pthread", source, "-o", program]);
  return JSON.parse(execFileSync(program, [String(weightBytes), String(numThreads)], { encoding: "utf8" }));
}
