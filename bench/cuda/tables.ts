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
import { formatPage, writeSection } from "./page.ts";

const resources = await kernelResources(await compilerOutputs());
writeSection("kernels", resourceText(nvccVersion()), resourceTable(resources));
await formatPage();
