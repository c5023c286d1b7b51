/**
 * NVIDIA's driver, asked which GPUs there are. It needs neither CUDA's runtime nor Aerie's library, so that it can be
 * known before the library is built whether there is anything to build it for.
 *
 * @module
 */

/** Name of the driver's library. */
const DRIVER = "libcuda.so.1";

/** `CUdevice_attribute`s, of CUDA's driver API. */
const MAJOR = 75, MINOR = 76;

const symbols = {
  cuInit: { parameters: ["u32"], result: "i32" },
  cuDeviceGetCount: { parameters: ["buffer"], result: "i32" },
  cuDeviceGet: { parameters: ["buffer", "i32"], result: "i32" },
  cuDeviceGetAttribute: { parameters: ["buffer", "i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** What the driver says of a GPU. */
export interface Gpu {
  /** Compute capability, such as 9 and 0. */
  readonly major: number;
  readonly minor: number;
}

/** What was found: the GPUs in the driver's order, perhaps none; or that there is no driver that works. */
export type CudaDriver = { readonly gpus: readonly Gpu[] } | { readonly missing: string };

/** Asks the driver, or in tests another library with its functions. It stays open: CUDA's runtime will use it, too. */
export function readCudaDriver(library: string = DRIVER): CudaDriver {
  let driver: Deno.DynamicLibrary<typeof symbols>;
  try {
    driver = Deno.dlopen(library, symbols);
  } catch {
    return { missing: `no driver (${DRIVER} is not there)` };
  }
  return readGpus(driver.symbols);
}

function readGpus(driver: Deno.DynamicLibrary<typeof symbols>["symbols"]): CudaDriver {
  const status = driver.cuInit(0), NO_DEVICE = 100;
  if (status === NO_DEVICE) return { gpus: [] };
  if (status !== 0) return { missing: `the driver does not work (cuInit: error ${status})` };
  const out = new Int32Array(1), gpus: Gpu[] = [];
  const read = (status: number) => status === 0 ? out[0]! : 0;
  const count = read(driver.cuDeviceGetCount(out));
  for (let i = 0; i < count; i++) {
    const device = read(driver.cuDeviceGet(out, i));
    const attribute = (which: number) => read(driver.cuDeviceGetAttribute(out, which, device));
    gpus.push({ major: attribute(MAJOR), minor: attribute(MINOR) });
  }
  return { gpus };
}
