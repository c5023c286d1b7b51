/**
 * Which device the flags mean, on machines of every kind.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import type { BuildOptions } from "../../../ffi/build.ts";
import type { CudaDriver } from "../../../ffi/cuda_driver.ts";
import { LoadError } from "../../../runtime/contracts/errors.ts";
import type { ServerArgs } from "../../../runtime/contracts/server_args.ts";
import { openDevice, type OpenedDevice } from "../../../runtime/engine/devices.ts";
import { simulatorPath } from "../../support/cuda_sim.ts";
import { libraryPath } from "../../support/native.ts";
import { defaultArgs } from "../../support/test_engine.ts";

const NO_DRIVER: CudaDriver = { missing: "no driver (libcuda.so.1 is not there)" };
const H100: CudaDriver = { gpus: [{ major: 9, minor: 0 }] };
const OLD: CudaDriver = { gpus: [{ major: 7, minor: 5 }] };

/** A machine with this driver, whose libraries are built by `library`. */
async function open(
  args: Partial<ServerArgs>,
  driver: CudaDriver,
  library: (options: BuildOptions) => Promise<string> = () => Promise.resolve(libraryPath),
): Promise<{ opened: OpenedDevice; log: string[]; built: BuildOptions["device"][] }> {
  const log: string[] = [], built: BuildOptions["device"][] = [];
  const opened = await openDevice({ ...defaultArgs, ...args }, {
    log: (_, line) => void log.push(line),
    driver: () => driver,
    library(options) {
      built.push(options.device);
      return library(options);
    },
  });
  return { opened, log, built };
}

Deno.test("auto is the CPU where CUDA cannot be used, and the log says why in one line", async () => {
  const failing = ({ device }: BuildOptions) =>
    device === "cpu"
      ? Promise.resolve(libraryPath)
      : Promise.reject(new LoadError("Cannot build the native library: no nvcc\nand more lines"));
  const cases: [CudaDriver, typeof failing | undefined, string][] = [
    [NO_DRIVER, undefined, "no driver (libcuda.so.1 is not there)"],
    [{ gpus: [] }, undefined, "no device, expected one of compute capability 8.0 or newer"],
    [OLD, undefined, "device 0 has compute capability 7.5, expected one of compute capability 8.0 or newer"],
    [H100, failing, "Cannot build the native library: no nvcc"],
    // The library that is opened is the CPU's, which has no such device.
    [H100, undefined, "context_create: device 1 is not built into this library"],
  ];
  for (const [driver, library, reason] of cases) {
    const { opened, log, built } = await open({ device: "auto" }, driver, library);
    assert.deepEqual(opened, { device: "cpu", libraryPath });
    assert.deepEqual(log, [`--device auto is cpu: ${reason}`]);
    assert.equal(
      built.includes("cuda"),
      driver === H100,
      "nothing is built where there is nothing to run it",
    );
  }
});

Deno.test("cuda that cannot be used ends the start, before anything is built", async () => {
  const none = () => Promise.reject(new Error("nothing is built"));
  const cases: [CudaDriver, number, string][] = [
    [NO_DRIVER, 0, "Cannot use CUDA: no driver (libcuda.so.1 is not there)"],
    [{ gpus: [] }, 0, "Cannot use CUDA: no device, expected one of compute capability 8.0 or newer"],
    [
      OLD,
      0,
      "Cannot use CUDA: device 0 has compute capability 7.5, expected one of compute capability 8.0 or newer",
    ],
    [H100, 2, "Cannot use --base-gpu-id 2: there is no device of this number, the last device is 0"],
  ];
  for (const [driver, baseGpuId, message] of cases) {
    await assert.rejects(open({ device: "cuda", baseGpuId }, driver, none), new LoadError(message));
  }
});

Deno.test("the CPU takes the flags of a GPU, and says that they have no effect", async () => {
  const flags = { device: "cpu", baseGpuId: 1, cudaGraphMaxBs: 8, disableCudaGraph: true } as const;
  const { opened, log } = await open(flags, H100);
  assert.equal(opened.device, "cpu");
  const given = ["--base-gpu-id 1", "--cuda-graph-max-bs 8", "--disable-cuda-graph"];
  assert.equal(log.length, given.length);
  given.forEach((flag, i) => assert.ok(log[i]!.startsWith(`${flag} has no effect: `), log[i]));
  assert.deepEqual((await open({ device: "cpu" }, H100)).log, []);
});

Deno.test({
  name: "a device number beyond the last is refused by the flag's name",
  ignore: simulatorPath === undefined,
  async fn() {
    const libraryPath = simulatorPath!;
    const opened = await open({ device: "cuda-sim" }, NO_DRIVER, () => Promise.resolve(libraryPath));
    assert.deepEqual(opened.opened, { device: "cuda-sim", deviceIndex: 0, libraryPath });
    assert.match(opened.log.join(), /^Device: cuda-sim sm_\d0, /);
    await assert.rejects(
      open({ device: "cuda-sim", baseGpuId: 3 }, NO_DRIVER, () => Promise.resolve(libraryPath)),
      new LoadError(
        "Cannot use --base-gpu-id 3: there is no device of this number, the last device is 0",
      ),
    );
  },
});
