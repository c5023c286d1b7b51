/**
 * Turns config.json and generation_config.json into a {@linkcode ModelConfig}. What an architecture computes by is read
 * by its descriptor; here is what all of them share: which architecture it is, and which tokens end a text.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import type { ModelConfig } from "../contracts/checkpoint.ts";
import { SIZE, unsupportedSetting } from "../architectures/config_json.ts";
import { type HeadSettings, readHeadSettings } from "../architectures/head_config.ts";
import { ARCHITECTURES, findArchitecture } from "../architectures/registry.ts";
import { findQuantizer, type NamedQuantizer } from "./quantized/assemble.ts";
import { readJsonFile } from "../tensor_files/text_file.ts";

const TOKEN_IDS = z.union([SIZE.or(z.literal(0)), z.array(z.int().nonnegative())]).nullish();

const CONFIG = z.looseObject({
  architectures: z.array(z.string()).min(1),
  "eos_token_id": TOKEN_IDS,
  "quantization_config": z.unknown().optional(),
  "is_causal": z.boolean().nullish(),
  "use_bidirectional_attention": z.unknown().optional(),
});
type Config = z.infer<typeof CONFIG>;

const HEAD_CONFIG = CONFIG.extend({ architectures: z.array(z.string()).default([""]) });

const GENERATION_CONFIG = z.looseObject({ "eos_token_id": TOKEN_IDS });

/** What config.json and generation_config.json say of a model. */
export interface ModelConfigFile {
  readonly config: ModelConfig;
  /** The method that its weights are quantised by; absent: they are floats. */
  readonly quantizer?: NamedQuantizer;
}

/**
 * Reads the configuration of a model folder.
 *
 * @throws {LoadError} naming the field, if the model or a setting of it is not supported
 */
export async function readHuggingFaceConfig(folder: string): Promise<ModelConfigFile> {
  const path = join(folder, "config.json");
  const config = await readJsonFile(path, CONFIG);
  refuseBidirectional(path, config);
  const generation = await readJsonFile(join(folder, "generation_config.json"), GENERATION_CONFIG, {});
  const name = config.architectures[0]!, architecture = findArchitecture(name);
  if (architecture === undefined) {
    const known = ARCHITECTURES.map(({ name }) => name).join(" or ");
    throw unsupportedSetting(path, "architectures", name, known);
  }
  const eosTokenIds = [...new Set([...tokenIds(config.eos_token_id), ...tokenIds(generation.eos_token_id)])];
  const { quantization_config: quantization } = config;
  return {
    config: { architecture: name, ...architecture.readConfig(path, config), eosTokenIds },
    ...(quantization ? { quantizer: findQuantizer(path, quantization) } : {}),
  };
}

/** What config.json says of a draft head. */
export type HeadConfigFile = Omit<HeadSettings, "network"> & {
  readonly config: ModelConfig;
  /** @throws {LoadError} if it says that weights are quantised */
  readonly refuseQuantized: () => void;
};

/**
 * Reads the configuration of a draft head. Its architecture is not looked at: names differ, the tensors tell.
 *
 * @throws {LoadError} naming the field, if a setting is not supported
 */
export async function readHeadConfig(folder: string): Promise<HeadConfigFile> {
  const path = join(folder, "config.json");
  const config = await readJsonFile(path, HEAD_CONFIG);
  const { network, ...settings } = readHeadSettings(path, config);
  return {
    ...settings,
    config: {
      architecture: config.architectures[0]!,
      ...network,
      eosTokenIds: tokenIds(config.eos_token_id),
    },
    refuseQuantized: () => refuseQuantized(path, config),
  };
}

/** Every forward here is causal; models that embed by looking ahead would give other numbers. */
function refuseBidirectional(path: string, config: Config): void {
  const { is_causal: isCausal, use_bidirectional_attention: looksAhead } = config;
  if (isCausal === false) throw unsupportedSetting(path, "is_causal", isCausal, "true");
  if (looksAhead) throw unsupportedSetting(path, "use_bidirectional_attention", looksAhead, "false");
}

function refuseQuantized(path: string, { quantization_config: quantization }: Config): void {
  if (quantization === undefined || quantization === null) return;
  throw unsupportedSetting(path, "quantization_config", quantization, "none (float weights)");
}

function tokenIds(field: number | number[] | null | undefined): number[] {
  return field === null || field === undefined ? [] : [field].flat();
}
