/**
 * The model's arithmetic in float64, plain and slow: the reference for the native library. Rows are arrays; nothing is
 * shared with the code under test but the meaning of a configuration.
 *
 * @module
 */
import type { ModelConfig, RopeConfig } from "../../runtime/contracts/checkpoint.ts";

/** A row of numbers. */
export type Row = ArrayLike<number>;

/** x / sqrt(mean(x^2) + eps) * weight */
export function rmsNorm(x: Row, weight: Row, eps: number): Float64Array {
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += x[i]! ** 2;
  const inverse = 1 / Math.sqrt(squares / x.length + eps);
  return Float64Array.from({ length: x.length }, (_, i) => x[i]! * inverse * weight[i]!);
}

/** The product of every row of `weight` with x. */
export function matVec(weight: readonly Row[], x: Row): Float64Array {
  return Float64Array.from(weight, (row) => dot(row, x));
}

/** x with each run of 32 rounded to int8 times largest / 127, in float32 steps as the kernels do it. */
export function roundedToInt8(x: Row): Float64Array {
  const rounded = new Float64Array(x.length);
  for (let block = 0; block < x.length; block += 32) {
    let largest = 0;
    for (let i = block; i < block + 32; i++) largest = Math.max(largest, Math.abs(x[i]!));
    const inverse = Math.fround(127 / largest), scale = Math.fround(largest / 127);
    for (let i = block; i < block + 32 && largest > 0; i++) {
      rounded[i] = roundToEven(Math.fround(x[i]! * inverse)) * scale;
    }
  }
  return rounded;
}

/** Nearest bfloat16 of each value, ties to even. */
export function roundedToBfloat16(x: Row): Float64Array {
  const bits = new Uint32Array(1), value = new Float32Array(bits.buffer);
  return Float64Array.from({ length: x.length }, (_, i) => {
    value[0] = x[i]!;
    bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
    return value[0]!;
  });
}

/** What is left of each value in an element type. */
export const ROUNDED: Readonly<Record<"float32" | "float16" | "bfloat16", (x: Row) => Float64Array>> = {
  float32: (x) => Float64Array.from(x, Math.fround),
  float16: (x) => Float64Array.from(x, Math.f16round),
  bfloat16: roundedToBfloat16,
};

/** Rotates pairs (i, i + n / 2) of one head by position * invFreq. */
export function rotate(x: Row, position: number, invFreq: Row): Float64Array {
  const half = x.length / 2, out = new Float64Array(x.length);
  for (let i = 0; i < half; i++) {
    const cos = Math.cos(position * invFreq[i]!), sin = Math.sin(position * invFreq[i]!);
    out[i] = x[i]! * cos - x[half + i]! * sin;
    out[half + i] = x[half + i]! * cos + x[i]! * sin;
  }
  return out;
}

/** softmax(q k^T * scale) v over all given keys and values, rows of one head; with a cap, of cap * tanh(score / cap). */
export function attend(
  q: Row,
  keys: readonly Row[],
  values: readonly Row[],
  scale: number,
  softCap = 0,
): Float64Array {
  const scores = keys.map((key) => dot(q, key) * scale);
  const weights = softmax(softCap > 0 ? scores.map((score) => softCap * Math.tanh(score / softCap)) : scores);
  const out = new Float64Array(q.length);
  values.forEach((value, k) => {
    for (let d = 0; d < out.length; d++) out[d]! += weights[k]! * value[d]!;
  });
  return out;
}

/** Probabilities of scores; -Infinity has none. */
export function softmax(scores: Row): Float64Array {
  let top = -Infinity;
  for (let i = 0; i < scores.length; i++) top = Math.max(top, scores[i]!);
  const p = Float64Array.from({ length: scores.length }, (_, i) => Math.exp(scores[i]! - top));
  const total = p.reduce((sum, value) => sum + value, 0);
  return p.map((value) => value / total);
}

/** x * sigmoid(x) */
export function geluTanh(x: number): number {
  return x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** x * sigmoid(x) */
export function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}

/**
 * Inverse frequencies: theta^(-2 i / rotaryDim), divided by the factor if scaling is linear; Llama 3's scaling goes by
 * wavelength as `apply_scaling` in Meta's llama-models does.
 */
export function inverseFrequencies({ rotaryDim, theta, scaling }: RopeConfig): Float64Array {
  return Float64Array.from({ length: rotaryDim / 2 }, (_, i) => {
    const frequency = 1 / theta ** (2 * i / rotaryDim);
    if (scaling === undefined) return frequency;
    if (scaling.type !== "linear" && scaling.type !== "llama3") {
      throw new RangeError(`Cannot compute rope scaling ${scaling.type}`);
    }
    const { factor } = scaling;
    if (scaling.type === "linear") return frequency / factor;
    const { lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings } = scaling;
    const wavelength = 2 * Math.PI / frequency;
    if (wavelength < originalMaxPositionEmbeddings / highFreqFactor) return frequency;
    if (wavelength > originalMaxPositionEmbeddings / lowFreqFactor) return frequency / factor;
    const smooth = (originalMaxPositionEmbeddings / wavelength - lowFreqFactor) /
      (highFreqFactor - lowFreqFactor);
    return (1 - smooth) * frequency / factor + smooth * frequency;
  });
}

/** Rows of a named matrix, or the one row of a vector. */
export type ReferenceWeights = (name: string) => readonly Row[];

/** How the kernels round on the way: nothing for a float32 model. */
export interface Rounding {
  /** Input of every matrix product. */
  readonly activations?: (x: Row) => Row;
  /** Keys and values. */
  readonly kv?: (x: Row) => Row;
}

/** Llama's logits [tokens, vocabSize] for one sequence from position 0 (Touvron et al. 2023; GQA, SwiGLU, RMSNorm). */
export function llamaLogits(
  config: ModelConfig,
  weights: ReferenceWeights,
  tokens: Row,
  rounding: Rounding = {},
): Float64Array[] {
  const roundX = rounding.activations ?? ((x: Row) => x);
  const head = weights(config.tieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");
  return hiddenStates(config, weights, tokens, rounding).at(-1)!.map((x) => matVec(head, roundX(x)));
}

/** Llama's hidden states [numLayers + 1][tokens, hiddenSize]: the input of each layer, then the final norm's output. */
export function hiddenStates(
  config: ModelConfig,
  weights: ReferenceWeights,
  tokens: Row,
  rounding: Rounding = {},
): Row[][] {
  const { numLayers, numHeads, numKvHeads, headDim, rmsNormEps } = config;
  const roundX = rounding.activations ?? ((x: Row) => x), roundKv = rounding.kv ?? ((x: Row) => x);
  const invFreq = inverseFrequencies(config.rope);
  const embedding = weights("model.embed_tokens.weight");
  const linear = (name: string, x: Row) => matVec(weights(`${name}.weight`), roundX(x));
  const norm = (name: string, x: Row) => rmsNorm(x, weights(`${name}.weight`)[0]!, rmsNormEps);
  let hidden: Row[] = Array.from(tokens, (token) => embedding[token]!);
  const states: Row[][] = [];
  for (let layer = 0; layer < numLayers; layer++) {
    states.push(hidden);
    const name = `model.layers.${layer}`;
    const normed = hidden.map((x) => norm(`${name}.input_layernorm`, x));
    const project = (kind: string, turned: boolean) =>
      normed.map((x, position) => {
        const heads = split(linear(`${name}.self_attn.${kind}_proj`, x), headDim);
        return turned ? heads.map((head) => rotate(head, position, invFreq)) : heads;
      });
    const q = project("q", true);
    const k = project("k", true).map((heads) => heads.map(roundKv));
    const v = project("v", false).map((heads) => heads.map(roundKv));
    hidden = hidden.map((x, row) => {
      const attended = q[row]!.flatMap((head, h) => {
        const kvHead = Math.floor(h * numKvHeads / numHeads);
        const seen = (entries: readonly (readonly Row[])[]) =>
          entries.slice(0, row + 1).map((heads) => heads[kvHead]!);
        return [...attend(head, seen(k), seen(v), 1 / Math.sqrt(headDim))];
      });
      const middle = sum(x, linear(`${name}.self_attn.o_proj`, attended));
      const inner = norm(`${name}.post_attention_layernorm`, middle);
      const gate = linear(`${name}.mlp.gate_proj`, inner), up = linear(`${name}.mlp.up_proj`, inner);
      return sum(middle, linear(`${name}.mlp.down_proj`, up.map((value, i) => value * silu(gate[i]!))));
    });
  }
  states.push(hidden.map((x) => norm("model.norm", x)));
  return states;
}

function dot(a: Row, b: Row): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function sum(a: Row, b: Row): Float64Array {
  return Float64Array.from({ length: a.length }, (_, i) => a[i]! + b[i]!);
}

function split(x: Float64Array, width: number): Float64Array[] {
  return Array.from({ length: x.length / width }, (_, i) => x.subarray(i * width, (i + 1) * width));
}

function roundToEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
