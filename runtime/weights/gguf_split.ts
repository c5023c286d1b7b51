/**
 * A GGUF model in several files, as llama.cpp's gguf-split writes it: the first has the metadata, each says which part of
 * how many it is.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import { type GgufFile, type GgufTensor, readGguf } from "../tensor_files/gguf.ts";
import { GgufMetadata } from "../tensor_files/gguf_metadata.ts";

/**
 * Reads the headers of a model's files as one; most models have one file.
 *
 * @throws {LoadError} naming the key, if a file is another part than its place says, or their tensors are not as many as
 *   the first says
 */
export function readGgufFiles(paths: readonly string[]): GgufFile {
  const parts = paths.map(readGguf), first = parts[0]!;
  const count = new GgufMetadata(first).number("split.count") ?? 1;
  if (count <= 1 && parts.length === 1) return first;
  parts.forEach((part, i) => {
    const metadata = new GgufMetadata(part);
    for (const [key, expected] of [["split.count", parts.length], ["split.no", i]] as const) {
      const found = metadata.required(key, metadata.number(key));
      if (found !== expected) throw metadata.error(`${key} is ${found}, expected ${expected} by its name`);
    }
  });
  const tensors = new Map<string, GgufTensor>(), unread = new Map<string, string>();
  for (const part of parts) {
    for (const tensor of part.tensors) add(part.path, tensors, tensor.name, tensor);
    for (const [name, found] of part.unread) add(part.path, unread, name, found);
  }
  const metadata = new GgufMetadata(first), total = metadata.number("split.tensors.count");
  if (total !== undefined && total !== tensors.size + unread.size) {
    throw metadata.error(
      `split.tensors.count is ${total}, but its ${parts.length} files have ${tensors.size + unread.size}`,
    );
  }
  return { path: first.path, metadata: first.metadata, tensors: [...tensors.values()], unread };
}

function add<Value>(path: string, to: Map<string, Value>, name: string, value: Value): void {
  if (to.has(name)) throw new LoadError(`Cannot load ${path}: tensor ${name} is in another part, too`);
  to.set(name, value);
}
