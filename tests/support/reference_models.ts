/**
 * Tiny models of each architecture as transformers makes them, with its logits and greedy continuations.
 *
 * @module
 */
import { join } from "node:path";
import type { Checkpoint } from "../../runtime/contracts/checkpoint.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../runtime/weights/resolve.ts";
import { askReference } from "./references.ts";
import { TINY_TOKENIZER } from "./tiny_tokenizer.ts";

/** A model to make: its class in transformers, and what its configuration says. */
export interface ReferenceCase {
  /** Longest sequence that it serves; 512 if absent. */
  readonly contextLength?: number;
  readonly architecture: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** The prompt of all of them, longer than their windows. */
export const PROMPT: Int32Array<ArrayBuffer> = Int32Array.from({ length: 64 }, (_, i) => (i * 37 + 11) % 300);

/** Tokens of the greedy continuations. */
export const NUM_GREEDY = 32;

const COMMON = {
  "vocab_size": TINY_TOKENIZER.tokens.length,
  "num_hidden_layers": 2,
  "max_position_embeddings": 512,
  "bos_token_id": TINY_TOKENIZER.bosTokenId,
  "eos_token_id": TINY_TOKENIZER.eosTokenId,
  "pad_token_id": null,
};

/** Sizes of a model of `numHeads` query heads, `numKvHeads` others, each `headDim` wide. */
export function sized(
  hiddenSize: number,
  numHeads: number,
  numKvHeads: number,
  headDim: number,
): Readonly<Record<string, number | null>> {
  return {
    ...COMMON,
    "hidden_size": hiddenSize,
    "intermediate_size": 2 * hiddenSize,
    "num_attention_heads": numHeads,
    "num_key_value_heads": numKvHeads,
    "head_dim": headDim,
  };
}

const GEMMA3_TEXT = {
  ...sized(96, 6, 3, 32),
  "num_hidden_layers": 4,
  "sliding_window": 20,
  "sliding_window_pattern": 3,
  "query_pre_attn_scalar": 24,
  "rope_scaling": { "rope_type": "linear", factor: 8 },
};

const LONG_ROPE = {
  ...sized(128, 4, 2, 32),
  "tie_word_embeddings": true,
  "partial_rotary_factor": 0.5,
  "rope_scaling": {
    type: "longrope",
    "short_factor": [1, 1.1, 1.2, 1.3, 1.5, 1.8, 2, 2.5],
    "long_factor": [1, 1.5, 2, 3, 4, 6, 8, 12],
  },
};

/** Each architecture, some in several forms. */
export const REFERENCE_CASES: Readonly<Record<string, ReferenceCase>> = {
  llama: {
    architecture: "LlamaForCausalLM",
    config: { ...sized(64, 4, 2, 16), "attention_bias": true, "mlp_bias": true },
  },
  mistral: {
    architecture: "MistralForCausalLM",
    config: { ...sized(96, 3, 1, 32), "sliding_window": 24, "rope_theta": 1000000 },
  },
  qwen2: {
    architecture: "Qwen2ForCausalLM",
    config: { ...sized(96, 3, 3, 32), "tie_word_embeddings": true },
  },
  "qwen2 with windows": {
    architecture: "Qwen2ForCausalLM",
    config: {
      ...sized(64, 2, 1, 32),
      "num_hidden_layers": 3,
      "use_sliding_window": true,
      "sliding_window": 9,
      "max_window_layers": 1,
    },
  },
  qwen3: {
    architecture: "Qwen3ForCausalLM",
    config: { ...sized(64, 6, 3, 48), "tie_word_embeddings": true },
  },
  gemma2: {
    architecture: "Gemma2ForCausalLM",
    config: {
      ...sized(96, 6, 2, 16),
      "num_hidden_layers": 3,
      "sliding_window": 17,
      "query_pre_attn_scalar": 20,
      "attn_logit_softcapping": 2.5,
      "final_logit_softcapping": 5.5,
    },
  },
  gemma3: { architecture: "Gemma3ForCausalLM", config: GEMMA3_TEXT },
  "gemma3 with images": {
    architecture: "Gemma3ForConditionalGeneration",
    config: {
      "text_config": GEMMA3_TEXT,
      "vision_config": {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
      },
      "mm_tokens_per_image": 4,
      "eos_token_id": TINY_TOKENIZER.eosTokenId,
    },
  },
  phi3: { architecture: "Phi3ForCausalLM", config: { ...sized(96, 3, 1, 32), "sliding_window": 30 } },
  "phi3 with long rope": {
    architecture: "Phi3ForCausalLM",
    config: { ...LONG_ROPE, "original_max_position_embeddings": 32 },
  },
  "phi3 with long rope, short": {
    architecture: "Phi3ForCausalLM",
    contextLength: 128,
    config: { ...LONG_ROPE, "original_max_position_embeddings": 128 },
  },
  smollm3: {
    architecture: "SmolLM3ForCausalLM",
    config: { ...sized(64, 2, 1, 32), "num_hidden_layers": 4, "no_rope_layer_interval": 2 },
  },
  granite: {
    architecture: "GraniteForCausalLM",
    config: {
      ...sized(96, 6, 3, 16),
      "embedding_multiplier": 3,
      "attention_multiplier": 0.2,
      "residual_multiplier": 0.4,
      "logits_scaling": 2,
      "tie_word_embeddings": true,
    },
  },
  mixtral: {
    architecture: "MixtralForCausalLM",
    config: {
      ...sized(64, 4, 2, 16),
      "num_local_experts": 5,
      "num_experts_per_tok": 2,
      "sliding_window": 40,
    },
  },
  "qwen3 with experts": {
    architecture: "Qwen3MoeForCausalLM",
    config: {
      ...sized(96, 6, 3, 32),
      "num_hidden_layers": 4,
      "num_experts": 60,
      "num_experts_per_tok": 4,
      "moe_intermediate_size": 40,
      "norm_topk_prob": true,
      "mlp_only_layers": [1],
      "decoder_sparse_step": 1,
    },
  },
  "qwen3 with experts in every second layer": {
    architecture: "Qwen3MoeForCausalLM",
    config: {
      ...sized(64, 2, 1, 48),
      "num_hidden_layers": 3,
      "num_experts": 7,
      "num_experts_per_tok": 3,
      "moe_intermediate_size": 48,
      "norm_topk_prob": false,
      "decoder_sparse_step": 2,
    },
  },
  olmo2: { architecture: "Olmo2ForCausalLM", config: sized(96, 6, 2, 16) },
};

/** A model that transformers made. */
export interface ReferenceModel {
  /** Folder with its files. */
  readonly path: string;
  /** Opens its files as the server does. */
  readonly open: () => Promise<Checkpoint>;
  /** Logits of {@linkcode PROMPT}, position by position. */
  readonly logits: readonly Float32Array[];
  /** Hidden states of the prompt [layers + 1, tokens, hidden size]: inputs of the layers, output of the final norm. */
  readonly states: Float32Array;
  /** Its greedy continuation. */
  readonly greedy: readonly number[];
}

/** What transformers says. */
export interface Reference extends AsyncDisposable {
  readonly models: ReadonlyMap<string, ReferenceModel>;
  /** Fields of the configuration classes that were asked for, with their defaults. */
  readonly defaults: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Makes models in one run of Python; disposing removes them. */
export async function makeReferenceModels(
  classes: readonly string[] = [],
  cases: Readonly<Record<string, ReferenceCase>> = REFERENCE_CASES,
): Promise<Reference> {
  const folder = await Deno.makeTempDir();
  const { greedy, defaults } = await askReference("architectures.py", {
    folder,
    tokens: [...PROMPT],
    numGreedy: NUM_GREEDY,
    models: cases,
    classes,
  }) as { greedy: Record<string, number[]>; defaults: Reference["defaults"] };
  const models = new Map<string, ReferenceModel>();
  for (const [name, tokens] of Object.entries(greedy)) {
    const path = join(folder, name);
    await Deno.writeTextFile(join(path, "tokenizer.json"), JSON.stringify(TINY_TOKENIZER.json));
    await Deno.writeTextFile(join(path, "tokenizer_config.json"), JSON.stringify(TINY_TOKENIZER.config));
    const open = async () => (await openCheckpoint(await resolveModel(path))).checkpoint;
    const all = new Float32Array((await Deno.readFile(join(path, "logits.f32"))).buffer);
    const vocabSize = all.length / PROMPT.length;
    const logits = Array.from(PROMPT, (_, i) => all.subarray(i * vocabSize, (i + 1) * vocabSize));
    const states = new Float32Array((await Deno.readFile(join(path, "states.f32"))).buffer);
    models.set(name, { path, open, logits, states, greedy: tokens });
  }
  return { models, defaults, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}
