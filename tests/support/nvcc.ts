/**
 * nvcc, for tests that compile with it.
 *
 * @module
 */
import { ensureNvcc, findNvcc } from "../../ffi/cuda_toolkit.ts";

/** The nvcc that there is; on CI there is one. */
export const nvcc: string | undefined = Deno.env.has("CI") ? await ensureNvcc() : findNvcc();
