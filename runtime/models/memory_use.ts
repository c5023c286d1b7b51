/**
 * What the device's memory is used for once a model is loaded, for the log.
 *
 * @module
 */
import { gigabytes } from "../contracts/gigabytes.ts";
import { Context } from "../../ffi/context.ts";
import type { ContextId } from "../../ffi/handles.ts";

/** Bytes by use: what the library counts, and what free memory shrank by besides. */
export class MemoryUse {
  readonly #context: Context;
  readonly #freeBefore: number;

  /** Begins to measure; nothing of the model may be allocated before. */
  constructor(context: Context) {
    this.#context = context;
    this.#freeBefore = context.memory().freeBytes;
  }

  /** Begins to measure in a context of another actor. */
  static attach(libraryPath: string, id: ContextId): MemoryUse {
    return new MemoryUse(Context.attach(libraryPath, id));
  }

  /**
   * Bytes by use since the beginning: those of `counted` as they are, all else as `rest`. The whole is measured, as free
   * memory that is gone: what other processes take meanwhile is in the rest.
   */
  line(of: string, counted: Readonly<Record<string, number>>, rest: string): string {
    const takenBytes = this.#freeBefore - this.#context.memory().freeBytes;
    const countedBytes = Object.values(counted).reduce((sum, bytes) => sum + bytes, 0);
    const uses = { ...counted, [rest]: takenBytes - countedBytes };
    const parts = Object.entries(uses).map(([use, bytes]) => `${use}: ${gigabytes(Math.max(bytes, 0), 3)}`);
    return `Memory of the ${of}: ${gigabytes(Math.max(takenBytes, 0), 3)}. ${parts.join(", ")}`;
  }
}
