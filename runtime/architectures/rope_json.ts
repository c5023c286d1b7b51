/**
 * Rotary positions in config.json, in the spelling of transformers before and since version 5, with the precedence of
 * 5.24: `rope_scaling` before `rope_parameters`, in either of them the numbers that once stood beside them.
 *
 * @module
 */
import { z } from "zod";
import { LoadError } from "../contracts/errors.ts";
import type { RopeConfig, RopeScaling } from "../contracts/rope_config.ts";
import { checkFields } from "../tensor_files/text_file.ts";

const POSITIVE = z.number().positive();
const POSITIVES = z.array(POSITIVE);
const LENGTH = z.int().positive();
/** What is read of the settings depends on their kind, so only that is checked. */
const SETTINGS = z.record(z.string(), z.unknown());

/** The fields of config.json that concern rotary positions, for a schema. */
export const ROPE_FIELDS = {
  "rope_theta": POSITIVE.nullish(),
  "rope_parameters": SETTINGS.nullish(),
  "rope_scaling": SETTINGS.nullish(),
  "rope_local_base_freq": POSITIVE.nullish(),
  "partial_rotary_factor": POSITIVE.max(1).nullish(),
  "original_max_position_embeddings": LENGTH.nullish(),
};

/** What {@linkcode ROPE_FIELDS} yields. */
export type RopeFields = z.infer<z.ZodObject<typeof ROPE_FIELDS>>;

/** What an architecture has of its own in rotary positions. */
export interface RopeDefaults {
  /** The base where config.json names none; 10000 if absent. */
  readonly defaultTheta?: number;
  /** `partial_rotary_factor` counts; if absent, it must be 1. */
  readonly mayBePartial?: boolean;
  /** The original length where config.json names none beside the settings, in which it then does not count. */
  readonly originalMaxPositionEmbeddings?: number;
  /** Kinds that are another one here. */
  readonly aliases?: Readonly<Record<string, string>>;
}

/** The same with the sizes of the model that frequencies depend on. */
export interface RopeSizes extends RopeDefaults {
  readonly headDim: number;
  readonly maxPositionEmbeddings: number;
}

/** Settings of one kind of layer, and what config.json calls them. */
interface Settings {
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const COMMON = z.looseObject({
  "rope_type": z.string().nullish(),
  type: z.string().nullish(),
  "rope_theta": POSITIVE.nullish(),
  "partial_rotary_factor": POSITIVE.max(1).nullish(),
});

const LINEAR = z.looseObject({ factor: POSITIVE });

const LLAMA3 = z.looseObject({
  factor: POSITIVE,
  "low_freq_factor": POSITIVE,
  "high_freq_factor": POSITIVE,
  "original_max_position_embeddings": LENGTH.nullish(),
});

const YARN = z.looseObject({
  factor: POSITIVE.nullable(),
  "original_max_position_embeddings": LENGTH.nullish(),
  "attention_factor": POSITIVE.nullish(),
  mscale: z.number().nonnegative().nullish(),
  "mscale_all_dim": z.number().nonnegative().nullish(),
  "beta_fast": z.number().nonnegative().nullish(),
  "beta_slow": z.number().nonnegative().nullish(),
  truncate: z.boolean().nullable().default(true),
});

const LONGROPE = z.looseObject({
  factor: POSITIVE.nullish(),
  "short_factor": POSITIVES,
  "long_factor": POSITIVES,
  "original_max_position_embeddings": LENGTH.nullish(),
  "attention_factor": POSITIVE.nullish(),
});

const KINDS = ["default", "linear", "dynamic", "llama3", "yarn", "longrope"];

/**
 * The rotary positions of a model whose layers have the same.
 *
 * @throws {LoadError} naming the field, if the kind is not known, or a number of it is missing or malformed
 */
export function readRope(path: string, fields: RopeFields, sizes: RopeSizes): RopeConfig {
  const { rope_scaling: scaling, rope_parameters: parameters } = fields;
  const settings = scaling && Object.keys(scaling).length > 0
    ? { name: "rope_scaling", fields: scaling }
    : { name: "rope_parameters", fields: parameters ?? {} };
  for (const kind of ["full_attention", "sliding_attention"]) {
    if (settings.fields[kind] === undefined) continue;
    throw new LoadError(
      `Cannot load ${path}: ${settings.name}.${kind} is there, expected one for all layers`,
    );
  }
  const stated = fields.original_max_position_embeddings ?? sizes.originalMaxPositionEmbeddings;
  return ropeConfig(path, settings, fields, sizes, stated);
}

/**
 * The rotary positions of a model whose layers with a window have their own (Gemma 3): unscaled unless
 * `rope_parameters` names them, with the base `rope_local_base_freq`.
 *
 * @throws {LoadError} as {@linkcode readRope}
 */
export function readLayerRopes(
  path: string,
  fields: RopeFields,
  sizes: RopeSizes & { readonly defaultLocalTheta: number },
): { readonly global: RopeConfig; readonly local: RopeConfig } {
  const read = (kind: string, theta: number | null | undefined, more: Readonly<Record<string, unknown>>) => {
    const own = fields.rope_parameters?.[kind] ?? (fields.rope_parameters ? {} : { "rope_type": "default" });
    const name = `rope_parameters.${kind}`;
    const settings = { name, fields: { ...checkFields(path, own, SETTINGS), ...more } };
    return ropeConfig(path, settings, { ...fields, "rope_theta": theta }, sizes, undefined);
  };
  return {
    global: read("full_attention", fields.rope_theta, fields.rope_scaling ?? {}),
    local: read("sliding_attention", fields.rope_local_base_freq ?? sizes.defaultLocalTheta, {}),
  };
}

function ropeConfig(
  path: string,
  settings: Settings,
  beside: RopeFields,
  sizes: RopeSizes,
  originalLength: number | undefined,
): RopeConfig {
  const common = within(path, settings, COMMON);
  const stated = common.rope_type ?? common.type ?? "default", kind = sizes.aliases?.[stated] ?? stated;
  if (!KINDS.includes(kind)) {
    throw new LoadError(
      `Cannot load ${path}: the rope_type of ${settings.name} is ${stated}, expected one of ${
        KINDS.join(", ")
      }`,
    );
  }
  const share = common.partial_rotary_factor ?? beside.partial_rotary_factor ?? 1;
  if (share !== 1 && !sizes.mayBePartial) {
    throw new LoadError(`Cannot load ${path}: partial_rotary_factor is ${share}, expected 1`);
  }
  const rotaryDim = Math.trunc(sizes.headDim * share);
  const scaling = ropeScaling(path, settings, kind, { ...sizes, rotaryDim }, originalLength);
  return {
    theta: common.rope_theta ?? beside.rope_theta ?? sizes.defaultTheta ?? 10000,
    rotaryDim,
    ...(scaling !== undefined && { scaling }),
  };
}

function ropeScaling(
  path: string,
  settings: Settings,
  kind: string,
  { maxPositionEmbeddings, rotaryDim }: RopeSizes & { readonly rotaryDim: number },
  originalLength: number | undefined,
): RopeScaling | undefined {
  const original = (own: number | null | undefined) => originalLength ?? own ?? maxPositionEmbeddings;
  switch (kind) {
    case "linear":
      return { type: kind, factor: within(path, settings, LINEAR).factor };
    case "dynamic": {
      const { factor } = within(path, settings, LINEAR);
      return { type: kind, factor, originalMaxPositionEmbeddings: maxPositionEmbeddings };
    }
    case "llama3": {
      const read = within(path, settings, LLAMA3);
      return {
        type: kind,
        factor: read.factor,
        lowFreqFactor: read.low_freq_factor,
        highFreqFactor: read.high_freq_factor,
        originalMaxPositionEmbeddings: original(read.original_max_position_embeddings),
      };
    }
    case "yarn": {
      const read = within(path, settings, YARN), { mscale, mscale_all_dim: mscaleAllDim } = read;
      const originalMaxPositionEmbeddings = original(read.original_max_position_embeddings);
      const factor = read.factor ?? maxPositionEmbeddings / originalMaxPositionEmbeddings;
      return {
        type: kind,
        factor,
        originalMaxPositionEmbeddings,
        betaFast: read.beta_fast || 32,
        betaSlow: read.beta_slow || 1,
        attentionFactor: read.attention_factor ??
          (mscale && mscaleAllDim
            ? yarnAttention(factor, mscale) / yarnAttention(factor, mscaleAllDim)
            : yarnAttention(factor)),
        truncate: read.truncate ?? false,
      };
    }
    case "longrope": {
      const read = within(path, settings, LONGROPE);
      for (const name of ["short_factor", "long_factor"] as const) {
        if (read[name].length === rotaryDim / 2) continue;
        throw new LoadError(
          `Cannot load ${path}: ${settings.name}.${name} has ${read[name].length} numbers, expected ${
            rotaryDim / 2
          }`,
        );
      }
      const originalMaxPositionEmbeddings = original(read.original_max_position_embeddings);
      const factor = read.factor ?? maxPositionEmbeddings / originalMaxPositionEmbeddings;
      return {
        type: kind,
        shortFactors: read.short_factor,
        longFactors: read.long_factor,
        originalMaxPositionEmbeddings,
        attentionFactor: read.attention_factor ?? longropeAttention(factor, originalMaxPositionEmbeddings),
      };
    }
    default:
      return undefined;
  }
}

/** The settings by the schema of their kind; errors name fields as config.json has them. */
function within<Schema extends z.ZodType>(
  path: string,
  { name, fields }: Settings,
  schema: Schema,
): z.output<Schema> {
  return checkFields(path, { [name]: fields }, z.object({ [name]: schema }))[name] as z.output<Schema>;
}

/** What YaRN multiplies cos and sin by where the checkpoint names no factor. */
export function yarnAttention(factor: number, mscale = 1): number {
  return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
}

/** What LongRoPE multiplies cos and sin by where the checkpoint names no factor. */
function longropeAttention(factor: number, originalLength: number): number {
  return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalLength));
}
