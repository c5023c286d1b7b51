/**
 * The model ops, one function each, so that every FFI call site stays monomorphic. Outputs come before inputs.
 *
 * @module
 */
import type { Context } from "./context.ts";
import type { BatchId, KvId, TensorId, WeightId } from "./handles.ts";

/** out [rows, cols] = weight [vocabSize, cols] at the batch's tokens; zeros where a token is -1 */
export function embedding(context: Context, out: TensorId, batch: BatchId, weight: WeightId): void {
  context.check(context.native.aerie_embedding(context.id, out, batch, weight));
}

/** out [rows, cols] = x / sqrt(mean(x^2) + eps) * weight [1, cols] (RMSNorm, Zhang & Sennrich 2019) */
export function rmsNorm(context: Context, out: TensorId, x: TensorId, weight: TensorId, eps: number): void {
  context.check(context.native.aerie_rms_norm(context.id, out, x, weight, eps));
}

/**
 * In place: columns `column` .. `column` + `numGroups` * n - 1 of x [rows, cols] are groups of n, each normed as
 * {@linkcode rmsNorm} does; weight [1, n].
 */
export function groupNorm(
  context: Context,
  x: TensorId,
  weight: TensorId,
  column: number,
  numGroups: number,
  eps: number,
): void {
  context.check(context.native.aerie_group_norm(context.id, x, weight, column, numGroups, eps));
}

/** out [rows, n] = x [rows, cols] * weight [n, cols]^T (+ residual [rows, n], which may be out itself) */
export function linear(
  context: Context,
  out: TensorId,
  x: TensorId,
  weight: WeightId,
  residual?: TensorId,
): void {
  context.check(context.native.aerie_linear(context.id, out, x, weight, residual ?? 0));
}

/** out [rows, 2 n] = cos, then sin of position * invFreq, times `scale`; invFreq [1, n] */
export function ropeAngles(
  context: Context,
  out: TensorId,
  batch: BatchId,
  invFreq: TensorId,
  scale: number,
): void {
  context.check(context.native.aerie_rope_angles(context.id, out, batch, invFreq, scale));
}

/**
 * Rotary embedding (Su et al. 2021), in place: rotates the first `numHeads` heads of x [rows, cols] by `angles` [rows,
 * width], of each the first `width` numbers in pairs (i, i + width / 2). `width` and `headDim` are multiples of 16.
 */
export function rope(
  context: Context,
  x: TensorId,
  angles: TensorId,
  numHeads: number,
  headDim: number,
): void {
  context.check(context.native.aerie_rope(context.id, x, angles, numHeads, headDim));
}

/** Stores the keys and values of qkv [rows, (numHeads + 2 * numKvHeads) * headDim] at the batch's slots. */
export function kvStore(
  context: Context,
  kv: KvId,
  qkv: TensorId,
  batch: BatchId,
  layer: number,
  numHeads: number,
): void {
  context.check(context.native.aerie_kv_store(context.id, kv, qkv, batch, layer, numHeads));
}

/**
 * out [rows, numHeads * headDim] = softmax(q k^T * scale) v over the KV entries that each row sees
 *
 * @param softCap scores become softCap * tanh(score / softCap) first; 0: they do not
 * @param window a row sees only the last `window` of its entries, itself included; 0: all
 */
export function attention(
  context: Context,
  out: TensorId,
  qkv: TensorId,
  kv: KvId,
  batch: BatchId,
  layer: number,
  numHeads: number,
  scale: number,
  softCap: number,
  window: number,
): void {
  context.check(
    context.native.aerie_attention(context.id, out, qkv, kv, batch, layer, numHeads, scale, softCap, window),
  );
}

/** out [rows, n] = silu(x[:, :n]) * x[:, n:], x [rows, 2 n] (SwiGLU, Shazeer 2020) */
export function siluMul(context: Context, out: TensorId, x: TensorId): void {
  context.check(context.native.aerie_silu_mul(context.id, out, x));
}

/** out [rows, n] = gelu(x[:, :n]) * x[:, n:], x [rows, 2 n], gelu by its tanh approximation (GEGLU, Shazeer 2020) */
export function geluMul(context: Context, out: TensorId, x: TensorId): void {
  context.check(context.native.aerie_gelu_mul(context.id, out, x));
}

/**
 * Chooses the `topK` most probable experts of each row, ties to the lower one: out [rows, 2 topK] = their numbers, most
 * probable first, then their weights, the softmax of logits [rows, experts].
 *
 * @param normalise divides the weights by their sum
 */
export function route(
  context: Context,
  out: TensorId,
  logits: TensorId,
  topK: number,
  normalise: boolean,
): void {
  context.check(context.native.aerie_route(context.id, out, logits, topK, normalise ? 1 : 0));
}

/**
 * Products with the experts that `routing` [rows, 2 topK] names. weight [numParts * experts * n, cols]: of each part all
 * experts, n rows each. x [rows, cols], or [rows, topK * cols] with a row of its own for every expert of a row. out
 * [rows, numParts * topK * n]: part by part, and in it expert by expert as routing has them.
 */
export function expertLinear(
  context: Context,
  out: TensorId,
  x: TensorId,
  weight: WeightId,
  routing: TensorId,
  numParts: number,
): void {
  context.check(context.native.aerie_expert_linear(context.id, out, x, weight, routing, numParts));
}

/** out [rows, n] = the sum of x [rows, topK * n] over a row's experts times their weights, in the order of `routing` */
export function expertSum(context: Context, out: TensorId, x: TensorId, routing: TensorId): void {
  context.check(context.native.aerie_expert_sum(context.id, out, x, routing));
}

/** out [outputs, cols] = the output rows of x [rows, cols], those whose logits are wanted */
export function gatherOutputs(context: Context, out: TensorId, x: TensorId, batch: BatchId): void {
  context.check(context.native.aerie_gather_outputs(context.id, out, x, batch));
}

/** out [rows, cols] = x[sources, column .. column + cols - 1], sources being those of the batch */
export function gatherRows(
  context: Context,
  out: TensorId,
  x: TensorId,
  batch: BatchId,
  column: number,
): void {
  context.check(context.native.aerie_gather_rows(context.id, out, x, batch, column));
}

/**
 * out[slots, column .. column + cols - 1] = x [rows, cols], slots being those of the batch; out has a row per KV slot
 */
export function storeRows(
  context: Context,
  out: TensorId,
  x: TensorId,
  batch: BatchId,
  column: number,
): void {
  context.check(context.native.aerie_store_rows(context.id, out, x, batch, column));
}

/** x [rows, cols] += bias [1, cols], in place */
export function addBias(context: Context, x: TensorId, bias: TensorId): void {
  context.check(context.native.aerie_add_bias(context.id, x, bias));
}

/** out = x + y * scale, all [rows, cols]; out may be x or y */
export function add(context: Context, out: TensorId, x: TensorId, y: TensorId, scale: number): void {
  context.check(context.native.aerie_add(context.id, out, x, y, scale));
}

/** x [rows, cols] *= factor, in place */
export function scale(context: Context, x: TensorId, factor: number): void {
  context.check(context.native.aerie_scale(context.id, x, factor));
}

/** x [rows, cols] = cap * tanh(x / cap), in place; cap is above 0 */
export function softCap(context: Context, x: TensorId, cap: number): void {
  context.check(context.native.aerie_soft_cap(context.id, x, cap));
}
