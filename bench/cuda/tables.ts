/**
 * `deno task docs:cuda`: writes the tables of docs/cuda.md anew, of the sources as they are.
 *
 * @module
 */
import { ensureLibrary } from "../../ffi/build.ts";
import {
  compilerOutputs,
  kernelResources,
  nvccVersion,
  resourceTable,
  resourceText,
} from "./kernel_resources.ts";
import { KERNEL_TEXT, kernelTable, SPECULATION_TEXT, speculationTable } from "./roofline_tables.ts";
import { formatPage, writeSection } from "./page.ts";

// Tests' helpers open the simulator as they are imported, where it is built.
await ensureLibrary({ device: "cuda-sim" });
const { LAUNCH_TEXT, launchTable } = await import("./launches.ts");
writeSection("launches", LAUNCH_TEXT, await launchTable());
const resources = await kernelResources(await compilerOutputs());
writeSection("kernels", resourceText(nvccVersion()), resourceTable(resources));
writeSection("speculation", SPECULATION_TEXT, speculationTable());
writeSection("roofline", KERNEL_TEXT, kernelTable());
await formatPage();
