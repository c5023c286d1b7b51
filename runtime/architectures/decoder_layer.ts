/**
 * Tensors of the decoder layer that most architectures share: attention and gated MLP, each behind its norm.
 *
 * @module
 */
import type { TensorSpec } from "./tensor_table.ts";

/** The norm in front of attention, which EAGLE heads lack in their first layer. */
export const INPUT_NORM: TensorSpec = {
  name: "input_layernorm.weight",
  ggufName: "attn_norm.weight",
  shape: ({ hiddenSize }) => [hiddenSize],
};

const O_PROJ: TensorSpec = {
  name: "self_attn.o_proj.weight",
  ggufName: "attn_output.weight",
  shape: ({ hiddenSize, queryWidth }) => [hiddenSize, queryWidth],
};

const DOWN_PROJ: TensorSpec = {
  name: "mlp.down_proj.weight",
  ggufName: "ffn_down.weight",
  shape: ({ hiddenSize, intermediateSize }) => [hiddenSize, intermediateSize],
};

/** Projections of attention and MLP back into the residual stream. */
export const OUTPUT_PROJECTIONS: readonly TensorSpec[] = [O_PROJ, DOWN_PROJ];

/** The whole layer, without biases. */
export const DECODER_LAYER: readonly TensorSpec[] = [
  INPUT_NORM,
  {
    name: "self_attn.q_proj.weight",
    ggufName: "attn_q.weight",
    shape: ({ queryWidth, attentionInput }) => [queryWidth, attentionInput],
  },
  {
    name: "self_attn.k_proj.weight",
    ggufName: "attn_k.weight",
    shape: ({ kvWidth, attentionInput }) => [kvWidth, attentionInput],
  },
  {
    name: "self_attn.v_proj.weight",
    ggufName: "attn_v.weight",
    shape: ({ kvWidth, attentionInput }) => [kvWidth, attentionInput],
  },
  O_PROJ,
  {
    name: "post_attention_layernorm.weight",
    ggufName: "ffn_norm.weight",
    shape: ({ hiddenSize }) => [hiddenSize],
  },
  {
    name: "mlp.gate_proj.weight",
    ggufName: "ffn_gate.weight",
    shape: ({ hiddenSize, intermediateSize }) => [intermediateSize, hiddenSize],
  },
  {
    name: "mlp.up_proj.weight",
    ggufName: "ffn_up.weight",
    shape: ({ hiddenSize, intermediateSize }) => [intermediateSize, hiddenSize],
  },
  DOWN_PROJ,
];

/** The matrices of the layer. */
export const PROJECTIONS: readonly TensorSpec[] = DECODER_LAYER.filter(({ name }) =>
  name.endsWith("_proj.weight")
);
