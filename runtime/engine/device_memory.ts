/**
 * Free memory of the device that is to run a model, read before anything is loaded.
 *
 * @module
 */
import { totalmem } from "node:os";
import type { VerifierConfig } from "../contracts/config.ts";
import { loading } from "../models/load.ts";
import { Context } from "../../ffi/context.ts";

/** Free memory, and what bounds it. */
export interface FreeMemory {
  readonly bytes: number;
  readonly boundBy: "host" | "cgroup" | "device";
}

/** What bounds memory, in words. */
export const MEMORY_BOUND = {
  host: "on the host",
  cgroup: "in the control group",
  device: "on the device",
} as const satisfies Record<FreeMemory["boundBy"], string>;

/**
 * Asks the device, by a context of one thread that is gone again afterwards. A CPU that has less memory in all than the
 * host is bounded by the process's control group.
 *
 * @throws {LoadError} if the library or the device cannot be opened; it names the checkpoint
 */
export function readFreeMemory(
  { libraryPath, device, deviceIndex = 0, checkpoint }: Pick<
    VerifierConfig,
    "libraryPath" | "device" | "deviceIndex" | "checkpoint"
  >,
): FreeMemory {
  return loading(checkpoint.path, () => {
    using context = new Context(libraryPath, { device, deviceIndex, threads: 1 });
    const { freeBytes, totalBytes } = context.memory();
    const boundBy = device !== "cpu" ? "device" : totalBytes < totalmem() ? "cgroup" : "host";
    return { bytes: freeBytes, boundBy };
  });
}
