/**
 * What nvcc says of the kernels, where there is one: nothing to warn of, no registers spilled, and the table of
 * docs/cuda.md.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readSection } from "../../../bench/cuda/page.ts";
import {
  compilerOutputs,
  kernelResources,
  nvccVersion,
  resourceTable,
  resourceText,
} from "../../../bench/cuda/kernel_resources.ts";
import { cudaLibrary } from "../../support/cuda.ts";

const ignore = cudaLibrary === undefined;
const outputs = ignore ? [] : await compilerOutputs();
const resources = await kernelResources(outputs);

Deno.test({
  name: "cuda: nvcc compiles every kernel for every device without a warning",
  ignore,
  fn() {
    assert.deepEqual(outputs.filter(({ text }) => /\bwarning\b/i.test(text)), []);
    // Some files only launch others' kernels.
    for (const file of new Set(resources.map((one) => one.file))) {
      const devices = new Set(resources.filter((one) => one.file === file).map(({ device }) => device));
      assert.deepEqual([...devices].sort(), ["sm_100", "sm_80", "sm_90a"], file);
    }
  },
});

Deno.test({
  name: "cuda: no kernel spills registers",
  ignore,
  fn() {
    assert.deepEqual(resources.filter(({ spillBytes }) => spillBytes > 0), []);
  },
});

Deno.test("cuda: what ptxas says of a kernel is read, spills too", async () => {
  const name =
    "_ZN5aerie4cuda11linear_rowsINS0_10HalfFormatILNS0_10UnitFormatE2EEELi8ELi4EEEvNS0_15LinearArgumentsE";
  const text = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '${name}' for 'sm_80'
ptxas info    : Function properties for ${name}
    24 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 24 bytes cumulative stack size, 1056 bytes smem, 424 bytes cmem[0]
`;
  assert.deepEqual(await kernelResources([{ file: "linear.cu", text }]), [{
    kernel: "linear_rows<HalfFormat<bf16>, 8, 4>",
    file: "linear.cu",
    device: "sm_80",
    registers: 255,
    sharedBytes: 1056,
    stackBytes: 24,
    spillBytes: 20,
  }]);
});

Deno.test({
  name: "cuda: the table of kernels in docs/cuda.md is this build's; deno task docs:cuda writes it",
  ignore,
  fn() {
    const { text, table } = readSection("kernels"), expected = resourceTable(resources);
    // Another nvcc may give other numbers to the same kernels.
    const numColumns = text === resourceText(nvccVersion()) ? undefined : 2;
    const columns = (rows: readonly (readonly string[])[]) => rows.map((row) => row.slice(0, numColumns));
    assert.deepEqual(columns(table), columns(expected));
  },
});
