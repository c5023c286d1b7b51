/**
 * Rotary positions in GGUF files: the keys below `<architecture>.rope` and the divisors that lie among the tensors, with
 * the meaning they have in llama.cpp. What its converter writes of YaRN beyond that means what it does in config.json.
 *
 * @module
 */
import type { RopeConfig, RopeScaling } from "../contracts/rope_config.ts";
import type { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import { yarnAttention } from "./rope_json.ts";

/** The tensors that state divisors of the frequencies, each [rotaryDim / 2]; they are no part of a model's table. */
const DIVISORS = "rope_freqs.weight";
const SHORT_DIVISORS = "rope_factors_short.weight", LONG_DIVISORS = "rope_factors_long.weight";

/** What llama.cpp's own default means too: a factor without a type is linear. */
const KINDS = ["linear", "none", "yarn", "longrope"];

/** The factor of a file, and of cos and sin. */
interface Factors {
  /** What positions are divided by. */
  readonly factor: number;
  /** What cos and sin are multiplied by, besides what YaRN does. */
  readonly attention: number;
}

/**
 * The rotary positions of a GGUF file, whose keys begin with the architecture's name.
 *
 * @throws {LoadError} naming the key or tensor, if it is malformed or asks for what is not known
 */
export function readGgufRope(metadata: GgufMetadata, architecture: string, headDim: number): RopeConfig {
  const key = (name: string) => `${architecture}.rope.${name}`;
  const positive = (name: string) => {
    const value = metadata.number(key(name));
    if (value !== undefined && !(value > 0)) {
      throw metadata.error(`${key(name)} is ${value}, expected more than 0`);
    }
    return value;
  };
  const rotaryDim = metadata.number(key("dimension_count")) ?? headDim;
  refuseOthers(metadata, key, rotaryDim);
  const type = metadata.string(key("scaling.type")) ?? "linear";
  if (!KINDS.includes(type)) {
    throw metadata.error(`${key("scaling.type")} is ${type}, expected one of ${KINDS.join(", ")}`);
  }
  // 0 stands for "not set".
  const stated = metadata.number(key("scaling.factor")) ?? metadata.number(key("scale_linear"));
  if (stated !== undefined && stated < 0) {
    throw metadata.error(`${key("scaling.factor")} is ${stated}, expected 0 or more`);
  }
  const factors = {
    factor: type === "none" ? 1 : stated || 1,
    attention: positive("scaling.attn_factor") ?? 1,
  };
  const originalLength = metadata.number(key("scaling.original_context_length")) ||
    metadata.size(`${architecture}.context_length`);
  if (type !== "yarn" && (metadata.number(key("scaling.yarn_ext_factor")) ?? 0) > 0) {
    throw metadata.error(`${key("scaling.yarn_ext_factor")} is there, expected none with ${type}`);
  }
  const scaling = type === "yarn"
    ? yarnScaling(metadata, architecture, factors, originalLength, positive)
    : dividedScaling(metadata, factors, originalLength, rotaryDim);
  return {
    theta: metadata.number(key("freq_base")) ?? 10000,
    rotaryDim,
    ...(scaling !== undefined && { scaling }),
  };
}

/** Refuses keys that change the result in ways that no model here knows. */
function refuseOthers(metadata: GgufMetadata, key: (name: string) => string, rotaryDim: number): void {
  const others: readonly (readonly [name: string, same: number])[] = [
    ["dimension_count_swa", rotaryDim],
    ["scaling.alpha", 0],
  ];
  for (const [name, same] of others) {
    const value = metadata.number(key(name)) ?? same;
    if (value !== same) throw metadata.error(`${key(name)} is ${value}, expected ${same}`);
  }
  const sections = metadata.int32s(key("dimension_sections"));
  if (sections?.some((size) => size !== 0)) {
    throw metadata.error(`${key("dimension_sections")} is [${sections.join(", ")}], expected none`);
  }
}

function yarnScaling(
  metadata: GgufMetadata,
  architecture: string,
  { factor, attention }: Factors,
  originalMaxPositionEmbeddings: number,
  positive: (name: string) => number | undefined,
): RopeScaling {
  for (const name of [DIVISORS, SHORT_DIVISORS, LONG_DIVISORS]) {
    if (metadata.hasTensor(name)) throw metadata.error(`tensor ${name} is there, expected none beside yarn`);
  }
  const key = `${architecture}.rope.scaling.yarn_ext_factor`, extrapolation = metadata.number(key) ?? 1;
  // Less than 0 stands for "not set".
  if (extrapolation >= 0 && extrapolation !== 1) {
    throw metadata.error(`${key} is ${extrapolation}, expected 1`);
  }
  return {
    type: "yarn",
    factor,
    originalMaxPositionEmbeddings,
    betaFast: positive("scaling.yarn_beta_fast") ?? 32,
    betaSlow: positive("scaling.yarn_beta_slow") ?? 1,
    attentionFactor: attention *
      (positive("scaling.yarn_attn_factor") ??
        yarnAttention(factor) / yarnAttention(factor, positive("scaling.yarn_log_multiplier") ?? 0)),
    truncate: true,
  };
}

function dividedScaling(
  metadata: GgufMetadata,
  { factor, attention }: Factors,
  originalMaxPositionEmbeddings: number,
  rotaryDim: number,
): RopeScaling | undefined {
  const read = (name: string) => metadata.vector(name, rotaryDim / 2)?.map((divisor) => divisor * factor);
  const divisors = read(DIVISORS), shortFactors = read(SHORT_DIVISORS), longFactors = read(LONG_DIVISORS);
  const scaled = attention !== 1 && { attentionFactor: attention };
  if (divisors !== undefined) return { type: "divisors", divisors, ...scaled };
  if (shortFactors !== undefined || longFactors !== undefined) {
    return {
      type: "longrope",
      shortFactors: metadata.required(`tensor ${SHORT_DIVISORS}`, shortFactors),
      longFactors: metadata.required(`tensor ${LONG_DIVISORS}`, longFactors),
      originalMaxPositionEmbeddings,
      attentionFactor: attention,
    };
  }
  return factor === 1 && attention === 1 ? undefined : { type: "linear", factor, ...scaled };
}
