/**
 * Tokenizers as GGUF metadata.
 *
 * @module
 */
import type { GgufFile, GgufValue } from "../../runtime/tensor_files/gguf.ts";

/** A GGUF file with these fields of `tokenizer.ggml`, or of another name that has a dot in it, and without tensors. */
export function ggufOf(fields: Readonly<Record<string, GgufValue>>): GgufFile {
  const metadata = new Map(
    Object.entries(fields).map(([key, value]) => [key.includes(".") ? key : `tokenizer.ggml.${key}`, value]),
  );
  return { path: "test.gguf", metadata, tensors: [], unread: new Map() };
}
