/**
 * The model ops, one function each, so that every FFI call site stays monomorphic. Outputs come before inputs.
 *
 * @module
 */
import type { Context } from "./context.ts";
import type { BatchId, KvId, TensorId, WeightId } from "./handles.ts";

/** out [rows, cols] = weight[tokens of the batch]; zeros where a token is -1 */
export function embedding(context: Context, out: TensorId, batch: BatchId, weight: WeightId): void {
  context.check(context.native.aerie_embedding(context.id, out, batch, weight));
}

/** out = x / sqrt(mean(x^2) + eps) * weight; weight [1, cols] */
export function rmsNorm(context: Context, out: TensorId, x: TensorId, weight: TensorId, eps: number): void {
  context.check(context.native.aerie_rms_norm(context.id, out, x, weight, eps));
}

/** out = x * weight^T (+ residual, which may be out itself) */
export function linear(
  context: Context,
  out: TensorId,
  x: TensorId,
  weight: WeightId,
  residual?: TensorId,
): void {
  context.check(context.native.aerie_linear(context.id, out, x, weight, residual ?? 0));
}

/** out [rows, headDim] = cos, then sin of position * invFreq; invFreq [1, headDim / 2] */
export function ropeAngles(context: Context, out: TensorId, batch: BatchId, invFreq: TensorId): void {
  context.check(context.native.aerie_rope_angles(context.id, out, batch, invFreq));
}

/** Rotates the first `numHeads` heads of x in place by `angles` [rows, headDim]. */
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

/** out [rows, numHeads * headDim] = softmax(q k^T * scale) v over what each row sees */
export function attention(
  context: Context,
  out: TensorId,
  qkv: TensorId,
  kv: KvId,
  batch: BatchId,
  layer: number,
  numHeads: number,
  scale: number,
): void {
  context.check(context.native.aerie_attention(context.id, out, qkv, kv, batch, layer, numHeads, scale));
}

/** out [rows, n] = silu(x[:, :n]) * x[:, n:] */
export function siluMul(context: Context, out: TensorId, x: TensorId): void {
  context.check(context.native.aerie_silu_mul(context.id, out, x));
}

/** out [outputs, cols] = the rows of x whose logits are wanted */
export function gatherOutputs(context: Context, out: TensorId, x: TensorId, batch: BatchId): void {
  context.check(context.native.aerie_gather_outputs(context.id, out, x, batch));
}

/** out [rows, cols] = columns `column` .. of the rows of x that the batch's sources name */
export function gatherRows(
  context: Context,
  out: TensorId,
  x: TensorId,
  batch: BatchId,
  column: number,
): void {
  context.check(context.native.aerie_gather_rows(context.id, out, x, batch, column));
}

/** Columns `column` .. of out [slots, wider] at the batch's slots = x [rows, cols] */
export function storeRows(
  context: Context,
  out: TensorId,
  x: TensorId,
  batch: BatchId,
  column: number,
): void {
  context.check(context.native.aerie_store_rows(context.id, out, x, batch, column));
}

/** x += bias; bias [1, cols] */
export function addBias(context: Context, x: TensorId, bias: TensorId): void {
  context.check(context.native.aerie_add_bias(context.id, x, bias));
}
