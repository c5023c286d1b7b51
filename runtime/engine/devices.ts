/**
 * The device that runs the model: which one the flags mean on this machine, and the library for it.
 *
 * @module
 */
import { type CudaDriver, readCudaDriver } from "../../ffi/cuda_driver.ts";
import type { BuildOptions } from "../../ffi/build.ts";
import { Context } from "../../ffi/context.ts";
import { NativeError } from "../../ffi/error.ts";
import { LoadError } from "../contracts/errors.ts";
import type { LogLevel } from "../contracts/log_level.ts";
import type { ServerArgs } from "../contracts/server_args.ts";
import { ensureLibrary } from "./native_library.ts";
import type { EngineOptions } from "./options.ts";

/** Oldest compute capability that the CUDA kernels run on. */
const MIN_MAJOR = 8;

/** Whether the CUDA library waits for every op, to name the one that fails; then it launches no graphs. */
export function waitsForEachOp(): boolean {
  return Deno.env.get("AERIE_CUDA_SYNC") === "1";
}

/** A device that can be used, with its library. */
export type OpenedDevice = Pick<EngineOptions, "libraryPath" | "device" | "deviceIndex">;

/** Options of {@linkcode openDevice}. */
export interface DeviceOptions extends Pick<BuildOptions, "onProgress"> {
  readonly log: (level: LogLevel, text: string) => void;
  /** What the driver says; asked if left out. */
  readonly driver?: () => CudaDriver;
  /** Builds the library of a device and returns its path; of this checkout if left out. */
  readonly library?: (options: BuildOptions) => Promise<string>;
}

type DeviceArgs = Pick<ServerArgs, "device" | "baseGpuId" | "cudaGraphMaxBs" | "disableCudaGraph">;

/**
 * Builds the library of the device that the flags mean, if need be, and makes sure that the device is there. `auto` is
 * a GPU where one can be used, else the CPU; the log says why.
 *
 * @throws {LoadError} if the device cannot be used, or its library not be built
 */
export async function openDevice(args: DeviceArgs, options: DeviceOptions): Promise<OpenedDevice> {
  const { device: asked } = args, { log } = options;
  if (asked === "cuda" || asked === "cuda-sim") return await openGpu(asked, args, options);
  if (asked === "auto") {
    try {
      const opened = await openGpu("cuda", args, options);
      log("info", "--device auto is cuda: there are a driver, a GPU and the library for it");
      return opened;
    } catch (error) {
      if (!(error instanceof LoadError)) throw error;
      const [reason = ""] = error.message.replace(/^Cannot use CUDA: /, "").split("\n");
      log("info", `--device auto is cpu: ${reason}`);
    }
  }
  for (const note of notesOfCpu(args)) log("info", note);
  return { device: "cpu", libraryPath: await buildFor("cpu", options) };
}

/** Opens a GPU or the simulator of one. */
async function openGpu(
  device: "cuda" | "cuda-sim",
  { baseGpuId }: DeviceArgs,
  options: DeviceOptions,
): Promise<OpenedDevice> {
  if (device === "cuda") checkDriver((options.driver ?? readCudaDriver)(), baseGpuId);
  const libraryPath = await buildFor(device, options);
  try {
    // Whether it can be opened is known for sure only now.
    using context = new Context(libraryPath, { device, deviceIndex: baseGpuId, threads: 1 });
    options.log("info", `Device: ${context.describe()}`);
    if (waitsForEachOp()) {
      options.log("info", "AERIE_CUDA_SYNC=1: every op is waited for, no CUDA graphs are captured");
    }
  } catch (error) {
    if (!(error instanceof NativeError)) throw error;
    throw new LoadError(
      error.message.replace(/^Cannot use CUDA: device_index is \d+/, beyondLast(baseGpuId)),
    );
  }
  return { device, deviceIndex: baseGpuId, libraryPath };
}

/**
 * Throws unless GPU number `baseGpuId` is there and new enough.
 *
 * @throws {LoadError} with what was found and what is needed
 */
function checkDriver(driver: CudaDriver, baseGpuId: number): void {
  const cannot = (reason: string) => new LoadError(`Cannot use CUDA: ${reason}`);
  if ("missing" in driver) throw cannot(driver.missing);
  const { gpus } = driver, gpu = gpus[baseGpuId];
  const needed = `expected one of compute capability ${MIN_MAJOR}.0 or newer`;
  if (gpus.length === 0) throw cannot(`no device, ${needed}`);
  if (gpu === undefined) {
    throw new LoadError(`${beyondLast(baseGpuId)}, the last device is ${gpus.length - 1}`);
  }
  if (gpu.major < MIN_MAJOR) {
    throw cannot(`device ${baseGpuId} has compute capability ${gpu.major}.${gpu.minor}, ${needed}`);
  }
}

function beyondLast(baseGpuId: number): string {
  return `Cannot use --base-gpu-id ${baseGpuId}: there is no device of this number`;
}

async function buildFor(
  device: NonNullable<BuildOptions["device"]>,
  { onProgress, library = ensureLibrary }: DeviceOptions,
): Promise<string> {
  return await library({ device, ...(onProgress && { onProgress }) });
}

/** Remarks on flags that mean nothing without a GPU. */
function notesOfCpu({ baseGpuId, cudaGraphMaxBs, disableCudaGraph }: DeviceArgs): string[] {
  const hasTape = "the CPU replays a recorded tape, at any batch size";
  return [
    baseGpuId > 0 ? `--base-gpu-id ${baseGpuId} has no effect: the model runs on the CPU` : undefined,
    cudaGraphMaxBs === undefined
      ? undefined
      : `--cuda-graph-max-bs ${cudaGraphMaxBs} has no effect: ${hasTape}`,
    disableCudaGraph ? `--disable-cuda-graph has no effect: ${hasTape}` : undefined,
  ].filter((note) => note !== undefined);
}
