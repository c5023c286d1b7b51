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

/** The bias of a projection; `shape` is that of a vector as wide as its output. */
const bias = (
  name: string,
  ggufName: string,
  shape: TensorSpec["shape"],
  presence: Pick<TensorSpec, "presence">,
): TensorSpec => ({ name: `${name}.bias`, ggufName: `${ggufName}.bias`, shape, ...presence });

/** Biases of the query, key and value projections. */
export function qkvBiases(presence: Pick<TensorSpec, "presence"> = {}): readonly TensorSpec[] {
  return [
    bias("self_attn.q_proj", "attn_q", ({ queryWidth }) => [queryWidth], presence),
    bias("self_attn.k_proj", "attn_k", ({ kvWidth }) => [kvWidth], presence),
    bias("self_attn.v_proj", "attn_v", ({ kvWidth }) => [kvWidth], presence),
  ];
}

const IF_ATTENTION_BIAS = { presence: "attentionBias" } as const;

/** Biases of all four projections of attention, where `attention_bias` says so. */
export const ATTENTION_BIASES: readonly TensorSpec[] = [
  ...qkvBiases(IF_ATTENTION_BIAS),
  bias("self_attn.o_proj", "attn_output", ({ hiddenSize }) => [hiddenSize], IF_ATTENTION_BIAS),
];

const IF_MLP_BIAS = { presence: "mlpBias" } as const;

/** Biases of the three projections of the MLP, where `mlp_bias` says so. */
export const MLP_BIASES: readonly TensorSpec[] = [
  bias("mlp.gate_proj", "ffn_gate", ({ intermediateSize }) => [intermediateSize], IF_MLP_BIAS),
  bias("mlp.up_proj", "ffn_up", ({ intermediateSize }) => [intermediateSize], IF_MLP_BIAS),
  bias("mlp.down_proj", "ffn_down", ({ hiddenSize }) => [hiddenSize], IF_MLP_BIAS),
];

/** Norms of queries and keys, each over one head. */
export function headNorms(norms: Pick<TensorSpec, "addend"> = {}): readonly TensorSpec[] {
  return (["q", "k"] as const).map((name) => ({
    name: `self_attn.${name}_norm.weight`,
    ggufName: `attn_${name}_norm.weight`,
    shape: ({ headDim }) => [headDim],
    ...norms,
  }));
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
