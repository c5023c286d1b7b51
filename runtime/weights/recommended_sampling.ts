/**
 * How the model's publisher recommends to sample: generation_config.json, or `general.sampling.*` of newer GGUF files.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import type { RecommendedSampling, SamplingDefaults } from "../contracts/sampling_params.ts";
import type { GgufFile } from "../tensor_files/gguf.ts";
import { readJsonFile } from "../tensor_files/text_file.ts";

const FILE_NAME = "generation_config.json";

const FIELDS = [
  ["temperature", "temperature"],
  ["top_k", "topK"],
  ["top_p", "topP"],
  ["min_p", "minP"],
  ["repetition_penalty", "repetitionPenalty"],
] as const satisfies readonly (readonly [string, keyof SamplingDefaults])[];

const GGUF_KEYS = [
  ["general.sampling.temp", "temperature"],
  ["general.sampling.top_k", "topK"],
  ["general.sampling.top_p", "topP"],
  ["general.sampling.min_p", "minP"],
  ["general.sampling.penalty_repeat", "repetitionPenalty"],
] as const satisfies readonly (readonly [string, keyof SamplingDefaults])[];

/** What a model folder recommends. */
export async function readRecommendedSampling(folder: string): Promise<RecommendedSampling> {
  const path = join(folder, FILE_NAME);
  const config = await readJsonFile(path, z.looseObject({}), {});
  return { path, values: valuesOf(FIELDS, (field) => config[field]) };
}

/** What a GGUF file recommends. */
export function ggufRecommendedSampling({ path, metadata }: GgufFile): RecommendedSampling {
  return { path, values: valuesOf(GGUF_KEYS, (key) => metadata.get(key)) };
}

function valuesOf(
  names: readonly (readonly [string, keyof SamplingDefaults])[],
  read: (name: string) => unknown,
): RecommendedSampling["values"] {
  return names.map(([name, parameter]) => ({ name, parameter, value: read(name) })).filter(({ value }) =>
    value !== undefined && value !== null
  );
}
