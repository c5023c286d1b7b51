/**
 * The model that runs each architecture of `runtime/architectures/`.
 *
 * @module
 */
import type { Architecture } from "../architectures/architecture.ts";
import { GEMMA2 } from "../architectures/gemma2.ts";
import { GEMMA3, GEMMA3_MULTIMODAL } from "../architectures/gemma3.ts";
import { GRANITE } from "../architectures/granite.ts";
import { LLAMA } from "../architectures/llama.ts";
import { MIMO } from "../architectures/mimo.ts";
import { MISTRAL } from "../architectures/mistral.ts";
import { MIXTRAL } from "../architectures/mixtral.ts";
import { OLMO2 } from "../architectures/olmo2.ts";
import { PHI3 } from "../architectures/phi3.ts";
import { QWEN2 } from "../architectures/qwen2.ts";
import { QWEN3 } from "../architectures/qwen3.ts";
import { QWEN3_MOE } from "../architectures/qwen3_moe.ts";
import { SMOLLM3 } from "../architectures/smollm3.ts";
import { architectureOf } from "../architectures/registry.ts";
import type { ModelParts } from "../nn/parts.ts";
import { Gemma } from "./gemma.ts";
import { Llama } from "./llama.ts";
import { Mixtral, Qwen3Moe } from "./mixtures.ts";
import type { Model } from "./model.ts";
import { Olmo2 } from "./olmo2.ts";

/** The model of each architecture. */
export const MODELS: ReadonlyMap<Architecture, new (parts: ModelParts) => Model> = new Map<
  Architecture,
  new (parts: ModelParts) => Model
>([
  [GEMMA2, Gemma],
  [GEMMA3, Gemma],
  [GEMMA3_MULTIMODAL, Gemma],
  [GRANITE, Llama],
  [LLAMA, Llama],
  [MIMO, Llama],
  [MISTRAL, Llama],
  [MIXTRAL, Mixtral],
  [OLMO2, Olmo2],
  [PHI3, Llama],
  [QWEN2, Llama],
  [QWEN3, Llama],
  [QWEN3_MOE, Qwen3Moe],
  [SMOLLM3, Llama],
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
