/**
 * Decoder layer: attention and MLP, each added to the residual stream.
 *
 * @module
 */
import type { KvId } from "../../ffi/handles.ts";
import type { Activations } from "./activations.ts";
import { Attention } from "./attention.ts";
import { type Activation, GatedMlp, type Mlp } from "./gated_mlp.ts";
import type { ModelParts } from "./parts.ts";
import { ResidualBranch } from "./residual_branch.ts";
import type { RotaryEmbedding } from "./rotary_embedding.ts";
import type { Weights } from "./weights.ts";

/** Names of the norms around attention and MLP, as the checkpoint has them; absent: none there. */
export interface LayerNorms {
  readonly beforeAttention?: string;
  readonly afterAttention?: string;
  readonly beforeMlp?: string;
  readonly afterMlp?: string;
}

/** What layers of an architecture are made of; parts that are absent are Llama's. */
export interface LayerSettings {
  readonly norms?: LayerNorms;
  /** Makes the MLP of a layer from the weights below the layer's name. */
  readonly createMlp?: (parts: ModelParts, weights: Weights, layer: number) => Mlp;
  /** Of the gated MLP. */
  readonly activation?: Activation;
}

/** Norms in front of attention and of the MLP (pre-norm), as Llama has them. */
const PRE_NORMS: LayerNorms = {
  beforeAttention: "input_layernorm",
  beforeMlp: "post_attention_layernorm",
};

/** One layer of a decoder. */
export class DecoderLayer {
  readonly selfAttn: Attention;
  readonly mlp: Mlp;
  readonly #attentionBranch: ResidualBranch;
  readonly #mlpBranch: ResidualBranch;

  constructor(parts: ModelParts, weights: Weights, layer: number, settings: LayerSettings = {}) {
    const { norms = PRE_NORMS, createMlp, activation } = settings;
    const branch = (before?: string, after?: string) =>
      new ResidualBranch(parts, weights, {
        ...(before !== undefined && { before }),
        ...(after !== undefined && { after }),
      });
    this.#attentionBranch = branch(norms.beforeAttention, norms.afterAttention);
    this.selfAttn = new Attention(parts, weights.at("self_attn"), layer);
    this.#mlpBranch = branch(norms.beforeMlp, norms.afterMlp);
    this.mlp = createMlp?.(parts, weights, layer) ??
      new GatedMlp(parts.context, weights.at("mlp"), activation);
  }

  /** Updates `hidden`; keys and values go to this layer's part of `kv`. */
  forward(activations: Activations, rotary: RotaryEmbedding | undefined, kv: KvId): void {
    this.#attentionBranch.forward(
      activations,
      (tensors) => this.selfAttn.forward(tensors, activations, rotary, kv),
    );
    this.#mlpBranch.forward(activations, (tensors) => this.mlp.forward(tensors, activations));
  }
}
