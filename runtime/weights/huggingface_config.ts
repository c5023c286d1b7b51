/**
 * Turns config.json and generation_config.json into a {@linkcode ModelConfig}.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import type { ModelConfig, RopeScaling } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import { readJsonFile } from "../tensor_files/text_file.ts";

const SIZE = z.int().positive();
const TOKEN_IDS = z.union([SIZE.or(z.literal(0)), z.array(z.int().nonnegative())]).nullish();

const ROPE = z.looseObject({
  "rope_type": z.string().optional(),
  type: z.string().optional(),
  "rope_theta": z.number().positive().optional(),
  factor: z.number().positive().optional(),
  "low_freq_factor": z.number().positive().optional(),
  "high_freq_factor": z.number().positive().optional(),
  "original_max_position_embeddings": SIZE.optional(),
});

const CONFIG = z.looseObject({
  architectures: z.array(z.string()).min(1),
  "hidden_size": SIZE,
  "intermediate_size": SIZE,
  "num_hidden_layers": SIZE,
  "num_attention_heads": SIZE,
  "num_key_value_heads": SIZE.nullish(),
  "head_dim": SIZE.nullish(),
  "vocab_size": SIZE,
  "rms_norm_eps": z.number().positive().default(1e-6),
  "rope_theta": z.number().positive().nullish(),
  // transformers 5 gathers what was rope_theta and rope_scaling in rope_parameters.
  "rope_parameters": ROPE.nullish(),
  "rope_scaling": ROPE.nullish(),
  "max_position_embeddings": SIZE.default(2048),
  "tie_word_embeddings": z.boolean().default(false),
  "bos_token_id": TOKEN_IDS,
  "eos_token_id": TOKEN_IDS,
  "hidden_act": z.string().default("silu"),
  "attention_bias": z.boolean().default(false),
  "mlp_bias": z.boolean().default(false),
  "quantization_config": z.unknown().optional(),
  "partial_rotary_factor": z.number().default(1),
});
type Config = z.infer<typeof CONFIG>;

const GENERATION_CONFIG = z.looseObject({ "eos_token_id": TOKEN_IDS });

/** Architectures that can be read from Hugging Face checkpoints. */
const ARCHITECTURES = ["LlamaForCausalLM"];

/**
 * Reads the configuration of a model folder.
 *
 * @throws {LoadError} naming the field, if the model or a setting of it is not supported
 */
export async function readHuggingFaceConfig(folder: string): Promise<ModelConfig> {
  const path = join(folder, "config.json");
  const config = await readJsonFile(path, CONFIG);
  const generation = await readJsonFile(join(folder, "generation_config.json"), GENERATION_CONFIG, {});
  checkSupported(path, config);
  const architecture = config.architectures[0]!;
  if (!ARCHITECTURES.includes(architecture)) {
    refuse(path, "architectures", architecture, ARCHITECTURES.join(" or "));
  }
  if (config.attention_bias) refuse(path, "attention_bias", true, "false");
  const eosTokenIds = [...new Set([...tokenIds(config.eos_token_id), ...tokenIds(generation.eos_token_id)])];
  return { ...modelConfig(path, config), eosTokenIds };
}

const HEAD_CONFIG = CONFIG.extend({
  // Some heads keep the target's layer count and say theirs elsewhere; the tensors decide.
  "num_hidden_layers": SIZE.default(1),
  architectures: z.array(z.string()).default([""]),
  "target_hidden_size": SIZE.nullish(),
  "feature_hf_index": z.array(z.int().nonnegative()).min(1).nullish(),
  "eagle_config": z.looseObject({
    "eagle_aux_hidden_state_layer_ids": z.array(z.int()).min(1).nullish(),
  }).nullish(),
  "norm_before_residual": z.boolean().nullish(),
  "norm_output": z.boolean().nullish(),
});

/** What config.json says of a draft head. */
export interface HeadSettings {
  readonly config: ModelConfig;
  /** Hidden states it takes, as `VerifierConfig.featureLayers`, if stated. */
  readonly featureLayers?: readonly number[];
  readonly normBeforeResidual: boolean;
  readonly normOutput: boolean;
}

/**
 * Reads the configuration of a draft head. Its architecture is not looked at: names differ, the tensors tell.
 *
 * @throws {LoadError} naming the field, if a setting is not supported
 */
export async function readHeadConfig(folder: string): Promise<HeadSettings> {
  const path = join(folder, "config.json");
  const config = await readJsonFile(path, HEAD_CONFIG);
  checkSupported(path, config);
  // These ids name the layer a state comes out of, Hugging Face's index the one it goes into.
  const after = config.eagle_config?.eagle_aux_hidden_state_layer_ids?.map((id) => id + 1);
  const featureLayers = config.feature_hf_index ?? after;
  return {
    config: modelConfig(path, config),
    ...(featureLayers && { featureLayers }),
    normBeforeResidual: config.norm_before_residual ?? false,
    normOutput: config.norm_output ?? false,
  };
}

function modelConfig(path: string, config: Config): ModelConfig {
  const numHeads = config.num_attention_heads;
  const bos = tokenIds(config.bos_token_id)[0];
  const scaling = ropeScaling(path, config);
  return {
    architecture: config.architectures[0]!,
    hiddenSize: config.hidden_size,
    intermediateSize: config.intermediate_size,
    numLayers: config.num_hidden_layers,
    numHeads,
    numKvHeads: config.num_key_value_heads ?? numHeads,
    headDim: config.head_dim ?? config.hidden_size / numHeads,
    vocabSize: config.vocab_size,
    rmsNormEps: config.rms_norm_eps,
    ropeTheta: config.rope_parameters?.rope_theta ?? config.rope_theta ?? 10000,
    ...(scaling !== undefined && { ropeScaling: scaling }),
    maxPositionEmbeddings: config.max_position_embeddings,
    tieWordEmbeddings: config.tie_word_embeddings,
    ...(bos !== undefined && { bosTokenId: bos }),
    eosTokenIds: tokenIds(config.eos_token_id),
  };
}

function refuse(path: string, field: string, value: unknown, expected: string): never {
  throw new LoadError(`Cannot load ${path}: ${field} is ${JSON.stringify(value)}, expected ${expected}`);
}

function checkSupported(path: string, config: Config): void {
  if (config.quantization_config !== undefined) {
    refuse(path, "quantization_config", config.quantization_config, "none (float weights)");
  }
  if (config.hidden_act !== "silu") refuse(path, "hidden_act", config.hidden_act, "silu");
  if (config.mlp_bias) refuse(path, "mlp_bias", true, "false");
  if (config.partial_rotary_factor !== 1) {
    refuse(path, "partial_rotary_factor", config.partial_rotary_factor, "1");
  }
}

function ropeScaling(path: string, config: Config): RopeScaling | undefined {
  const rope = config.rope_parameters ?? config.rope_scaling;
  const type = rope?.rope_type ?? rope?.type ?? "default";
  if (rope === null || rope === undefined || type === "default") return undefined;
  const read = (field: string, value: number | undefined): number => {
    if (value === undefined) throw new LoadError(`Cannot load ${path}: rope_scaling.${field} is missing`);
    return value;
  };
  switch (type) {
    case "linear":
      return { type, factor: read("factor", rope.factor) };
    case "llama3":
      return {
        type,
        factor: read("factor", rope.factor),
        lowFreqFactor: read("low_freq_factor", rope.low_freq_factor),
        highFreqFactor: read("high_freq_factor", rope.high_freq_factor),
        originalMaxPositionEmbeddings: read(
          "original_max_position_embeddings",
          rope.original_max_position_embeddings,
        ),
      };
    default:
      throw new LoadError(`Cannot load ${path}: rope_scaling type is ${type}, expected llama3 or linear`);
  }
}

function tokenIds(field: number | number[] | null | undefined): number[] {
  return field === null || field === undefined ? [] : [field].flat();
}
