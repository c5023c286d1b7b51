/**
 * What the driver is asked: which GPUs there are, or why there is none.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { readCudaDriver } from "../../ffi/cuda_driver.ts";
import { makeDriver } from "../support/fake_driver.ts";

const folder = await Deno.makeTempDir();
const cases = [
  [{ gpus: [[9, 0], [7, 5]] }, { gpus: [{ major: 9, minor: 0 }, { major: 7, minor: 5 }] }],
  [{ init: 100 }, { gpus: [] }],
  [{ init: 999 }, { missing: "the driver does not work (cuInit: error 999)" }],
] as const;
// A driver stays open for good: opened here, no test is blamed for it.
const found = await Promise.all(
  cases.map(async ([driver], i) => readCudaDriver((await makeDriver(join(folder, `${i}`), driver)).path)),
);
await Deno.remove(folder, { recursive: true });

Deno.test("readCudaDriver: GPUs in the driver's order, none, or a driver that does not work", () => {
  cases.forEach(([, expected], i) => assert.deepEqual(found[i], expected));
});

Deno.test("readCudaDriver: a machine without a driver has none", () => {
  assert.deepEqual(readCudaDriver("/no/such/libcuda.so.1"), {
    missing: "no driver (libcuda.so.1 is not there)",
  });
});
