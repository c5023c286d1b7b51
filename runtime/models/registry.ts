/**
 * Architectures by their Hugging Face name. Adding a model is a file and a line here.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import { LlamaForCausalLM } from "./llama.ts";
import type { Model, ModelParts } from "./model.ts";

const architectures: Readonly<Record<string, new (parts: ModelParts) => Model>> = {
  LlamaForCausalLM,
};

/**
 * Builds the model that the checkpoint names.
 *
 * @throws {LoadError} if the architecture is unknown or a tensor is missing
 */
export function createModel(parts: ModelParts): Model {
  const architecture = architectures[parts.config.architecture];
  if (!architecture) {
    const known = Object.keys(architectures).join(", ");
    throw new LoadError(`Cannot run architecture: ${parts.config.architecture}, expected one of ${known}`);
  }
  return new architecture(parts);
}
