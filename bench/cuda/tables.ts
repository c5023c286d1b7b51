/**
 * `deno task docs:cuda`: writes the tables of docs/cuda.md anew, of the sources as they are.
 *
 * @module
 */
import {
  compilerOutputs,
  kernelResources,
  nvccVersion,
  resourceTable,
  resourceText,
} from "./kernel_resources.ts";
import { KERNEL_TEXT, kernelTable, SPECULATION_TEXT, speculationTable } from "./roofline_tables.ts";
import { formatPage, writeSection } from "./page.ts";

const resources = await kernelResources(await compilerOutputs());
writeSection("kernels", resourceText(nvccVersion()), resourceTable(resources));
writeSection("speculation", SPECULATION_TEXT, speculationTable());
writeSection("roofline", KERNEL_TEXT, kernelTable());
await formatPage();
