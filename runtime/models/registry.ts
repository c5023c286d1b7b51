/**
 * The model that runs each architecture of `runtime/architectures/`.
 *
 * @module
 */
import type { Architecture } from "../architectures/architecture.ts";
import { LLAMA } from "../architectures/llama.ts";
import { MIMO } from "../architectures/mimo.ts";
import { MISTRAL } from "../architectures/mistral.ts";
import { QWEN2 } from "../architectures/qwen2.ts";
import { architectureOf } from "../architectures/registry.ts";
import { Llama } from "./llama.ts";
import type { ModelParts } from "../nn/parts.ts";
import type { Model } from "./model.ts";

/** The model of each architecture. */
export const MODELS: ReadonlyMap<Architecture, new (parts: ModelParts) => Model> = new Map<
  Architecture,
  new (parts: ModelParts) => Model
>([
  [LLAMA, Llama],
  [MIMO, Llama],
  [MISTRAL, Llama],
  [QWEN2, Llama],
]);

/**
 * Builds the model that the checkpoint names.
 *
 * @throws {LoadError} if the architecture is unknown or a tensor is missing
 */
export function createModel(parts: ModelParts): Model {
  const Model = MODELS.get(architectureOf(parts.config))!;
  return new Model(parts);
}
