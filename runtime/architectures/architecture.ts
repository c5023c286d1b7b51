/**
 * What an architecture is to weights, models and draft heads: one descriptor of plain data and pure functions. The
 * forward that runs it is found in `runtime/models/registry.ts` by the descriptor's name.
 *
 * @module
 */
import type { SpeculationConfig } from "../contracts/speculation_config.ts";
import type { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import type { GgufConfig, NetworkConfig } from "./network_config.ts";
import type { TensorTable } from "./tensor_table.ts";

/** How llama.cpp's converter writes an architecture; GGUF's tensor names stand in its {@linkcode TensorTable}. */
export interface GgufNames {
  /** `general.architecture`, also the prefix of its metadata keys. */
  readonly architecture: string;
  /** Whether files of this name have several experts; absent: they have none, or no other descriptor has the name. */
  readonly hasExperts?: boolean;
  /**
   * Reads the metadata.
   *
   * @throws {LoadError} naming the key, if one is missing or a setting is not supported
   */
  readonly readConfig: (metadata: GgufMetadata) => GgufConfig;
  /** Tensors of a layer whose rows the converter interleaves, see `TensorSource.rowOrder`; without the layer's prefix. */
  readonly interleaved: readonly string[];
}

/** Everything about an architecture that is not its forward. */
export interface Architecture {
  /** Hugging Face's name, as `architectures` in config.json has it. */
  readonly name: string;
  /** Hugging Face's name of the family, as `model_type` in config.json has it. */
  readonly modelType: string;
  /**
   * Reads the fields of a config.json, whose path is for errors.
   *
   * @throws {LoadError} naming the field, if one is malformed or a setting is not supported
   */
  readonly readConfig: (path: string, fields: Readonly<Record<string, unknown>>) => NetworkConfig;
  /** Its tensors under their Hugging Face names. A bias that is not among them is refused. */
  readonly tensors: TensorTable;
  /**
   * What the tensors of a draft head in the model's own checkpoint begin with, before the layer's number; absent: it has
   * none there. They are no part of the model.
   */
  readonly ownHeadPrefix?: string;
  /** What names of tensors begin with in files of other makes, and what this is here; absent: nothing else. */
  readonly namePrefixes?: readonly (readonly [found: string, here: string])[];
  /** Absent: not read from GGUF files. */
  readonly gguf?: GgufNames;
  /** Shape of the trees that SGLang has a draft head grow by default; absent: a chain, as for most architectures. */
  readonly draftTree?: Pick<SpeculationConfig, "numSteps" | "topk" | "numDraftTokens">;
}
