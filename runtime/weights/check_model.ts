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
import { impossibleNumber } from "./model_numbers.ts";

/**
 * Checks sizes against each other and the tensors against the sizes.
 *
 * @throws {LoadError} naming the size or the tensor, what was found and what was expected
 */
export function checkModel(
  path: string,
  config: ModelConfig,
  tensors: ReadonlyMap<string, TensorSource>,
): void {
  const fail = (reason: string) => new LoadError(`Cannot load ${path}: ${reason}`);
  const impossible = impossibleNumber(config);
  if (impossible !== undefined) throw fail(impossible);
  // Each layer needs tensors, so a lying layer count is found before it is walked.
  if (config.numLayers > tensors.size) {
    throw fail(`${config.numLayers} layers, but only ${tensors.size} tensors`);
  }
  const known = new Set<string>();
  for (const { name, shape, isRequired, format } of modelTensors(architectureOf(config), config)) {
    known.add(name);
    const tensor = tensors.get(name), expected = inWords(shape, format);
    if (tensor === undefined) {
      if (isRequired) throw fail(`tensor ${name} is missing, expected ${expected}`);
      continue;
    }
    const found = inWords(tensor.shape, format && tensor.format);
    if (found !== expected) throw fail(`tensor ${name} is ${found}, expected ${expected}`);
  }
  const bias = [...tensors.keys()].find((name) => name.endsWith(".bias") && !known.has(name));
  if (bias !== undefined) throw fail(`tensor ${bias} is not part of ${config.architecture}`);
}

/** A shape, behind the format where only one is allowed: `[320, 64]`, `F32 [8]`. */
function inWords(shape: readonly number[], format: StorageFormat | undefined): string {
  return `${format === undefined ? "" : `${format} `}[${shape.join(", ")}]`;
}
