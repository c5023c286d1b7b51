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
  {
    name: "self_attn.o_proj.weight",
    ggufName: "attn_output.weight",
    shape: ({ hiddenSize, queryWidth }) => [hiddenSize, queryWidth],
  },
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
  {
    name: "mlp.down_proj.weight",
    ggufName: "ffn_down.weight",
    shape: ({ hiddenSize, intermediateSize }) => [hiddenSize, intermediateSize],
  },
];
