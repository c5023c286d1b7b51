/**
 * Tensors that decoders have around their layers, and those that some have beside the plain layer's.
 *
 * @module
 */
import type { TensorSpec, TensorTable } from "./tensor_table.ts";

const EMBEDDING = "model.embed_tokens.weight", LM_HEAD = "lm_head.weight";

/** Embedding, final norm and output matrix around layers with these tensors. */
export function decoderTensors(
  layer: readonly TensorSpec[],
  norms: Pick<TensorSpec, "addend"> = {},
): TensorTable {
  return {
    input: [{
      name: EMBEDDING,
      ggufName: "token_embd.weight",
      shape: ({ vocabSize, hiddenSize }) => [vocabSize, hiddenSize],
    }],
    layerPrefix: "model.layers.",
    layer,
    output: [
      {
        name: "model.norm.weight",
        ggufName: "output_norm.weight",
        shape: ({ hiddenSize }) => [hiddenSize],
        ...norms,
      },
      {
        name: LM_HEAD,
        ggufName: "output.weight",
        shape: ({ vocabSize, hiddenSize }) => [vocabSize, hiddenSize],
        presence: "untied",
      },
    ],
    embedding: EMBEDDING,
    lmHead: LM_HEAD,
  };
}

/** Biases of the query, key and value projections. */
export function qkvBiases(presence: Pick<TensorSpec, "presence"> = {}): readonly TensorSpec[] {
  return [
    {
      name: "self_attn.q_proj.bias",
      ggufName: "attn_q.bias",
      shape: ({ queryWidth }) => [queryWidth],
      ...presence,
    },
    {
      name: "self_attn.k_proj.bias",
      ggufName: "attn_k.bias",
      shape: ({ kvWidth }) => [kvWidth],
      ...presence,
    },
    {
      name: "self_attn.v_proj.bias",
      ggufName: "attn_v.bias",
      shape: ({ kvWidth }) => [kvWidth],
      ...presence,
    },
  ];
}

/** Biases of all four projections of attention, where `attention_bias` says so. */
export const ATTENTION_BIASES: readonly TensorSpec[] = [
  ...qkvBiases({ presence: "attentionBias" }),
  {
    name: "self_attn.o_proj.bias",
    ggufName: "attn_output.bias",
    shape: ({ hiddenSize }) => [hiddenSize],
    presence: "attentionBias",
  },
];

/** Biases of the three projections of the MLP, where `mlp_bias` says so. */
export const MLP_BIASES: readonly TensorSpec[] = [
  ...([["gate", "gate"], ["up", "up"]] as const).map(([name, ggufName]): TensorSpec => ({
    name: `mlp.${name}_proj.bias`,
    ggufName: `ffn_${ggufName}.bias`,
    shape: ({ intermediateSize }) => [intermediateSize],
    presence: "mlpBias",
  })),
  {
    name: "mlp.down_proj.bias",
    ggufName: "ffn_down.bias",
    shape: ({ hiddenSize }) => [hiddenSize],
    presence: "mlpBias",
  },
];

/** Norms of queries and keys, each over one head. */
export function headNorms(norms: Pick<TensorSpec, "addend"> = {}): readonly TensorSpec[] {
  return [
    {
      name: "self_attn.q_norm.weight",
      ggufName: "attn_q_norm.weight",
      shape: ({ headDim }) => [headDim],
      ...norms,
    },
    {
      name: "self_attn.k_norm.weight",
      ggufName: "attn_k_norm.weight",
      shape: ({ headDim }) => [headDim],
      ...norms,
    },
  ];
}

/** A norm of the residual stream's width. */
export function streamNorm(
  name: string,
  ggufName: string,
  norms: Pick<TensorSpec, "addend"> = {},
): TensorSpec {
  return {
    name: `${name}.weight`,
    ggufName: `${ggufName}.weight`,
    shape: ({ hiddenSize }) => [hiddenSize],
    ...norms,
  };
}
