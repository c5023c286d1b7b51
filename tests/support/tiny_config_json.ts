/**
 * The config.json of a tiny model of any architecture.
 *
 * @module
 */
import { architectureOf } from "../../runtime/architectures/registry.ts";
import type { ExpertConfig, ModelConfig, RopeScaling } from "../../runtime/contracts/checkpoint.ts";
import { inSnakeCase } from "../../runtime/contracts/snake_case.ts";

/** Fields of config.json as all architectures have them; what a configuration does not say is left to their defaults. */
export function huggingFaceConfig(config: ModelConfig): Record<string, unknown> {
  const { rope: { scaling }, layers, attentionScale: scale, attentionSoftCap, logitSoftCap } = config;
  const window = layers?.find(({ window }) => window !== undefined)?.window;
  const own = {
    "hidden_size": config.hiddenSize,
    "intermediate_size": config.intermediateSize,
    "num_hidden_layers": config.numLayers,
    "num_attention_heads": config.numHeads,
    "num_key_value_heads": config.numKvHeads,
    "head_dim": config.headDim,
    "vocab_size": config.vocabSize,
    "rms_norm_eps": config.rmsNormEps,
    "rope_theta": config.rope.theta,
    "rope_scaling": scaling === undefined ? null : ropeFields(scaling),
    "max_position_embeddings": config.maxPositionEmbeddings,
    "tie_word_embeddings": config.tieWordEmbeddings,
    ...(config.rope.rotaryDim !== config.headDim && {
      "partial_rotary_factor": config.rope.rotaryDim / config.headDim,
    }),
    ...(config.attentionBias && { "attention_bias": true }),
    ...(config.mlpBias && { "mlp_bias": true }),
    ...(window !== undefined && { "sliding_window": window, "use_sliding_window": true }),
    ...(layers && {
      "layer_types": layers.map(({ window }) =>
        window === undefined ? "full_attention" : "sliding_attention"
      ),
      "no_rope_layers": layers.map(({ rope }) => rope === "none" ? 0 : 1),
    }),
    ...(config.experts && expertFields(config.experts)),
    // Granite's multipliers and Gemma's.
    "embedding_multiplier": config.embeddingScale,
    "residual_multiplier": config.residualScale,
    "logits_scaling": config.logitScale && 1 / config.logitScale,
    "attention_multiplier": scale,
    "query_pre_attn_scalar": scale && scale ** -2,
    "attn_logit_softcapping": attentionSoftCap ?? null,
    "final_logit_softcapping": logitSoftCap ?? null,
  };
  return {
    architectures: [config.architecture],
    "model_type": architectureOf(config).modelType,
    "bos_token_id": null,
    "eos_token_id": config.eosTokenIds,
    ...own,
    // Models that see images have it in here.
    "text_config": own,
  };
}

/** Experts as Mixtral and Qwen3 have them. */
function expertFields(experts: ExpertConfig): Record<string, unknown> {
  return {
    "num_experts": experts.count,
    "num_local_experts": experts.count,
    "num_experts_per_tok": experts.perRow,
    "moe_intermediate_size": experts.intermediateSize,
    "norm_topk_prob": experts.normalise,
    "mlp_only_layers": experts.denseLayers,
  };
}

/** config.json's settings of the kinds that a reference computes. */
function ropeFields(scaling: RopeScaling): Record<string, unknown> {
  if (scaling.type !== "linear" && scaling.type !== "llama3") {
    throw new RangeError(`Cannot write rope scaling ${scaling.type}`);
  }
  const { type, ...numbers } = scaling;
  return { "rope_type": type, ...inSnakeCase(numbers) };
}
