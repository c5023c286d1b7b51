/**
 * NVIDIA drivers for tests: libraries with the four functions that are asked which GPUs there are.
 *
 * @module
 */
import { join } from "node:path";

/** A driver, in a folder of its own as `libcuda.so.1`. */
export interface FakeDriver {
  readonly folder: string;
  readonly path: string;
}

/** Compiles a driver whose `cuInit` answers `init` and whose GPUs have these compute capabilities. */
export async function makeDriver(
  folder: string,
  { init = 0, gpus = [] }: { readonly init?: number; readonly gpus?: readonly (readonly [number, number])[] },
): Promise<FakeDriver> {
  await Deno.mkdir(folder, { recursive: true });
  const source = join(folder, "driver.cpp"), path = join(folder, "libcuda.so.1");
  const capabilities = gpus.map(([major, minor]) => `{${major}, ${minor}}`).join(", ");
  await Deno.writeTextFile(
    source,
    `static const int gpus[][2] = {${capabilities || "{0, 0}"}};
extern "C" {
int cuInit(unsigned) { return ${init}; }
int cuDeviceGetCount(int* count) { *count = ${gpus.length}; return 0; }
int cuDeviceGet(int* device, int ordinal) { *device = ordinal + 40; return 0; }
int cuDeviceGetAttribute(int* value, int which, int device) { *value = gpus[device - 40][which - 75]; return 0; }
}
`,
  );
  const { success, stderr } = await new Deno.Command("g++", {
    args: ["-shared", "-fPIC", "-o", path, source],
  }).output();
  if (!success) throw new Error(`Cannot compile a driver: ${new TextDecoder().decode(stderr)}`);
  return { folder, path };
}
