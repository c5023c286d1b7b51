/**
 * Draft heads: how their trainers name the tensors, what kind of head these names make, which tensors each kind has.
 * Names are EAGLE's without prefix; see {@linkcode HeadCheckpoint}.
 *
 * @module
 */
import type { HeadCheckpoint, HeadKind } from "../contracts/speculation_config.ts";
import { DECODER_LAYER, INPUT_NORM } from "./decoder_layer.ts";
import { tensorSizes } from "./tensor_table.ts";

/** The matrix that fuses hidden states, in EAGLE with the token's embedding, into the input of the first layer. */
export const FUSION_MATRIX = "fc.weight";

/** The matrix of a multi-token prediction layer that takes state and embedding. */
const MTP_INPUT_MATRIX = "input_proj.weight";

/** What multi-token prediction layers are called in the checkpoint of their target (MiMo), before the layer's number. */
export const MTP_PREFIX = "model.mtp_layers.";

/** Each kind in words. */
export const HEAD_NAMES: Readonly<Record<HeadKind, string>> = {
  eagle: "an EAGLE or EAGLE-2 head",
  eagle3: "an EAGLE-3 head",
  mtp: "MTP layers",
};

/**
 * The tensors of a head under EAGLE's names: of a checkpoint that has MTP layers besides the target's layers, just those.
 */
export function headTensorsOf<Tensor extends { readonly name: string }>(all: readonly Tensor[]): Tensor[] {
  const mtp = all.filter(({ name }) => name.startsWith(MTP_PREFIX));
  return mtp.length > 0
    ? mtp.map((tensor) => ({ ...tensor, name: `layers.${tensor.name.slice(MTP_PREFIX.length)}` }))
    : all.map((tensor) => ({ ...tensor, name: canonicalName(tensor.name) }));
}

/** The name without what differs between trainers: some prefix everything, EAGLE-3's authors call the layer otherwise. */
function canonicalName(name: string): string {
  return name.replace(/^model\./, "").replace(/^midlayer\./, "layers.0.");
}

/** The kind of head that has tensors of these names; undefined if none has. */
export function kindOfHead(names: { has(name: string): boolean }): HeadKind | undefined {
  if (names.has(`layers.0.${MTP_INPUT_MATRIX}`)) return "mtp";
  if (!names.has(FUSION_MATRIX)) return undefined;
  return names.has("layers.0.hidden_norm.weight") ? "eagle3" : "eagle";
}

/** Decoder layers that have tensors of these names, one at least. */
export function countLayers(names: { has(name: string): boolean }): number {
  let count = 0;
  while (names.has(`layers.${count}.self_attn.q_proj.weight`)) count++;
  return Math.max(1, count);
}

/**
 * The target's hidden states that a head takes unless its config.json names others, as `VerifierConfig.featureLayers`:
 * the final norm's output, or for EAGLE-3 the inputs of the three layers that its authors chose.
 */
export function defaultFeatureLayers(kind: HeadKind, numLayers: number): readonly number[] {
  return kind === "eagle3" ? [2, Math.floor(numLayers / 2), numLayers - 3] : [numLayers];
}

/** Names and shapes of the tensors that a draft head must have for a target of this width. */
export function* headTensors(
  { config, head, tensors }: HeadCheckpoint,
  targetWidth: number,
): Generator<readonly [name: string, shape: readonly number[]]> {
  const { hiddenSize, numLayers } = config, { kind, featureLayers } = head, sizes = tensorSizes(config);
  if (kind !== "mtp") {
    const inputs = kind === "eagle3" ? featureLayers.length * targetWidth : hiddenSize + targetWidth;
    yield [FUSION_MATRIX, [hiddenSize, inputs]];
  }
  for (let layer = 0; layer < numLayers; layer++) {
    // EAGLE-3's first layer sees the token's embedding beside the state; EAGLE's has no norm before its attention.
    const isWide = kind === "eagle3" && layer === 0, lacksNorm = kind === "eagle" && layer === 0;
    if (isWide) yield [`layers.${layer}.hidden_norm.weight`, [hiddenSize]];
    if (kind === "mtp") yield* mtpTensors(`layers.${layer}.`, hiddenSize, targetWidth);
    for (const spec of DECODER_LAYER) {
      if (lacksNorm && spec === INPUT_NORM) continue;
      const attentionInput = isWide ? 2 * hiddenSize : hiddenSize;
      yield [`layers.${layer}.${spec.name}`, spec.shape({ ...sizes, attentionInput })];
    }
  }
  if (kind !== "eagle3") return;
  yield ["norm.weight", [hiddenSize]];
  for (let i = 0; tensors.has("fc_norm.0.weight") && i < featureLayers.length; i++) {
    yield [`fc_norm.${i}.weight`, [targetWidth]];
  }
}

/** What an MTP layer has beside a decoder layer. */
function* mtpTensors(
  prefix: string,
  hiddenSize: number,
  targetWidth: number,
): Generator<readonly [name: string, shape: readonly number[]]> {
  yield [prefix + MTP_INPUT_MATRIX, [hiddenSize, targetWidth + hiddenSize]];
  yield [`${prefix}hidden_layernorm.weight`, [targetWidth]];
  yield [`${prefix}token_layernorm.weight`, [hiddenSize]];
  yield [`${prefix}final_layernorm.weight`, [hiddenSize]];
}
