/**
 * The tensors of all files of a safetensors or PyTorch checkpoint.
 *
 * @module
 */
import { basename } from "node:path";
import { LoadError } from "../contracts/errors.ts";
import { readSafetensors } from "../tensor_files/safetensors.ts";
import type { UnreadTensors } from "../tensor_files/stored_tensor.ts";
import { readTorchFile, stateDict } from "../tensor_files/torch_pickle.ts";
import type { ModelFiles } from "./model_files.ts";
import type { ShardTensor } from "./quantized/quantizer.ts";

/** What the files hold. */
export interface ShardTensors {
  /** By name. */
  readonly stored: Map<string, ShardTensor>;
  /** Those that nothing here can read. */
  readonly unread: UnreadTensors;
}

/**
 * Reads the headers of all files.
 *
 * @throws {LoadError} naming the file, if it is damaged or has a tensor that another one has too
 */
export async function readShards({ kind, files }: Pick<ModelFiles, "kind" | "files">): Promise<ShardTensors> {
  const stored = new Map<string, ShardTensor>(), unread: UnreadTensors = new Map();
  for (const file of files) {
    const tensors = kind === "pt"
      ? stateDict(await readTorchFile(file), unread)
      : readSafetensors(file, unread);
    for (const tensor of tensors) {
      const other = stored.get(tensor.name);
      if (other !== undefined) {
        throw new LoadError(`Cannot load ${file}: tensor ${tensor.name} is also in ${basename(other.file)}`);
      }
      stored.set(tensor.name, { ...tensor, file });
    }
  }
  return { stored, unread };
}
