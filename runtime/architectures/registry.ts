/**
 * All architectures, each once.
 *
 * @module
 */
import { LoadError } from "../contracts/errors.ts";
import type { Architecture } from "./architecture.ts";
import { GEMMA2 } from "./gemma2.ts";
import { GEMMA3, GEMMA3_MULTIMODAL } from "./gemma3.ts";
import { GRANITE } from "./granite.ts";
import { LLAMA } from "./llama.ts";
import { MIMO } from "./mimo.ts";
import { MISTRAL } from "./mistral.ts";
import { MIXTRAL } from "./mixtral.ts";
import { OLMO2 } from "./olmo2.ts";
import { PHI3 } from "./phi3.ts";
import { QWEN2 } from "./qwen2.ts";
import { QWEN3 } from "./qwen3.ts";
import { QWEN3_MOE } from "./qwen3_moe.ts";
import { SMOLLM3 } from "./smollm3.ts";

/** Every architecture that can be read; `runtime/models/registry.ts` has the model that runs it. */
export const ARCHITECTURES: readonly Architecture[] = [
  GEMMA2,
  GEMMA3,
  GEMMA3_MULTIMODAL,
  GRANITE,
  LLAMA,
  MIMO,
  MISTRAL,
  MIXTRAL,
  OLMO2,
  PHI3,
  QWEN2,
  QWEN3,
  QWEN3_MOE,
  SMOLLM3,
];

/** The architecture of a Hugging Face name; undefined if it is not known. */
export function findArchitecture(name: string): Architecture | undefined {
  return ARCHITECTURES.find((architecture) => architecture.name === name);
}

/**
 * The architecture of an opened checkpoint's configuration.
 *
 * @throws {LoadError} if it is not known
 */
export function architectureOf({ architecture: name }: { readonly architecture: string }): Architecture {
  const architecture = findArchitecture(name);
  if (architecture === undefined) {
    const known = ARCHITECTURES.map(({ name }) => name).join(", ");
    throw new LoadError(`Cannot run architecture: ${name}, expected one of ${known}`);
  }
  return architecture;
}
