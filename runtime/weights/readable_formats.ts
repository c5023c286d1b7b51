/**
 * The kinds of files that weights are read from, and the formats that each may hold.
 *
 * @module
 */
import { GGUF_FORMATS } from "../tensor_files/gguf.ts";
import { SAFETENSORS_FORMATS } from "../tensor_files/safetensors.ts";
import { TORCH_FORMATS } from "../tensor_files/torch_pickle.ts";
import { QUANTIZERS } from "./quantized/assemble.ts";
import type { StorageFormat } from "../contracts/storage_format.ts";

/** A kind of file. */
export interface ReadableFile {
  readonly name: string;
  readonly formats: readonly StorageFormat[];
}

/** Methods of quantised safetensors checkpoints, by the name that `quant_method` in config.json has. */
export const QUANT_METHODS: readonly string[] = Object.keys(QUANTIZERS);

/** All kinds of files. */
export const READABLE_FILES: readonly ReadableFile[] = [
  { name: "GGUF", formats: GGUF_FORMATS },
  { name: "safetensors", formats: SAFETENSORS_FORMATS },
  { name: "PyTorch", formats: TORCH_FORMATS },
];
