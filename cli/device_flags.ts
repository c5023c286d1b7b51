/**
 * The flags that choose the device, and what is prepared on it.
 *
 * @module
 */
import { z } from "zod";
import { flag, type FlagOf, integer, oneOf } from "./flag_values.ts";

/** See `flagSchema`. */
export const deviceSchema = {
  device: oneOf("auto", "cpu", "cuda", "cuda-sim").default("auto"),
  baseGpuId: integer(0, 1023).default(0),
  cudaGraphMaxBs: z.string().refine(
    (value) => Number(value) !== 0,
    "expected a whole number of at least 1; --disable-cuda-graph does without graphs",
  ).pipe(integer(1, 4096)).exactOptional(),
  disableCudaGraph: flag,
  threads: integer(1, 1024).exactOptional(),
};

/** See `flagGroups`. */
export const deviceFlags: readonly FlagOf<keyof typeof deviceSchema>[] = [
  {
    name: "device",
    flags: "--device <device>",
    help: "auto, cpu, cuda or cuda-sim, which runs the CUDA kernels on a simulator. auto takes a GPU that " +
      "can be used, else the CPU",
  },
  {
    name: "baseGpuId",
    flags: "--base-gpu-id <number>",
    help: "Which GPU, of those that the driver shows",
  },
  {
    name: "cudaGraphMaxBs",
    flags: "--cuda-graph-max-bs-decode, --cuda-graph-max-bs <count>",
    help: "Sequences of a step that CUDA graphs are captured for at most. Default: by the GPU's memory",
  },
  {
    name: "disableCudaGraph",
    flags: "--disable-decode-cuda-graph, --disable-cuda-graph",
    help: "Capture no CUDA graphs: every step is submitted op by op",
  },
  {
    name: "threads",
    flags: "--threads <count>",
    help: "Native threads. Default: the CPUs this process may use",
  },
];
