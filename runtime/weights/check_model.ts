/**
 * Checks a checkpoint against the tensors of its architecture.
 *
 * @module
 */
import type { ModelConfig, TensorSource } from "../contracts/checkpoint.ts";
import { architectureOf } from "../architectures/registry.ts";
import { modelTensors } from "../architectures/model_tensors.ts";
import { LoadError } from "../contracts/errors.ts";
import type { StorageFormat } from "../contracts/storage_format.ts";
import { EMPTY, isZero } from "../tensor_files/stored_tensor.ts";
import { impossibleNumber } from "./model_numbers.ts";

/**
 * Checks sizes against each other and the tensors against the sizes. `unread` are tensors that nothing here can read.
 *
 * @returns the tensors that the model has; nobody reads the others
 * @throws {LoadError} naming the size or the tensor, what was found and what was expected
 */
export function checkModel(
  path: string,
  config: ModelConfig,
  tensors: ReadonlyMap<string, TensorSource>,
  unread: ReadonlyMap<string, string>,
): Map<string, TensorSource> {
  const fail = (reason: string) => new LoadError(`Cannot load ${path}: ${reason}`);
  const impossible = impossibleNumber(config);
  if (impossible !== undefined) throw fail(impossible);
  // Each layer needs tensors, so a lying layer count is found before it is walked.
  if (config.numLayers > tensors.size) {
    throw fail(`${config.numLayers} layers, but only ${tensors.size} tensors`);
  }
  const own = new Map<string, TensorSource>();
  for (const { name, shape, isRequired, format, addend } of modelTensors(architectureOf(config), config)) {
    const tensor = tensors.get(name), expected = inWords(shape, format);
    if (tensor === undefined) {
      if (unread.has(name)) throw fail(`tensor ${name} is ${unread.get(name)}, which is not supported`);
      if (isRequired) throw fail(`tensor ${name} is missing, expected ${expected}`);
      continue;
    }
    const found = inWords(tensor.shape, format && tensor.format);
    if (found !== expected) throw fail(`tensor ${name} is ${found}, expected ${expected}`);
    own.set(name, addend === undefined ? tensor : { addend, ...tensor });
  }
  // A bias that nobody adds to a module would be missing from its result, unless it is zero.
  const isLeftOut = (name: string) =>
    name.endsWith(".bias") && !own.has(name) && own.has(name.replace(/bias$/, "weight"));
  for (const [name, tensor] of tensors) {
    if (!isLeftOut(name) || isZero(tensor.file, tensor)) continue;
    throw fail(`tensor ${name} is not part of ${config.architecture}`);
  }
  for (const [name, found] of unread) {
    if (!isLeftOut(name) || found === EMPTY) continue;
    throw fail(`tensor ${name} is ${found}, which is not supported`);
  }
  return own;
}

/** A shape, behind the format where only one is allowed: `[320, 64]`, `F32 [8]`. */
function inWords(shape: readonly number[], format: StorageFormat | undefined): string {
  return `${format === undefined ? "" : `${format} `}[${shape.join(", ")}]`;
}
