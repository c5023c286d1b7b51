/**
 * Tiny models of each architecture that transformers makes, as safetensors folder and as GGUF files, which the package
 * `gguf` writes in the way of llama.cpp's converter.
 *
 * @module
 */
import { join } from "node:path";
import { askReference } from "./references.ts";
import { NUM_GREEDY, PROMPT, sized } from "./reference_models.ts";
import { TINY_TOKENIZER } from "./tiny_tokenizer.ts";

/** A model to write. */
export interface GgufCase {
  readonly architecture: string;
  /** Its architecture's name in GGUF files. */
  readonly gguf: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Types of its matrices; a file is written of each. */
  readonly types: readonly string[];
  /** Longest sequence that is served; 512 if absent. */
  readonly contextLength?: number;
}

const FLOATS = ["F32"], ALL = ["F32", "Q8_0", "Q4_0"];

const LONG_ROPE = {
  ...sized(128, 4, 2, 32),
  "partial_rotary_factor": 0.5,
  // llama.cpp rounds context lengths up to a multiple of 256.
  "original_max_position_embeddings": 256,
  "rope_scaling": {
    type: "longrope",
    "short_factor": [1, 1.1, 1.2, 1.3, 1.5, 1.8, 2, 2.5],
    "long_factor": [1, 1.5, 2, 3, 4, 6, 8, 12],
  },
};

const LLAMA3 = {
  "rope_type": "llama3",
  factor: 8,
  "low_freq_factor": 1,
  "high_freq_factor": 4,
  "original_max_position_embeddings": 32,
};

/** Settings that GGUF files can say, and llama.cpp does. */
export const GGUF_CASES: Readonly<Record<string, GgufCase>> = {
  llama: {
    architecture: "LlamaForCausalLM",
    gguf: "llama",
    config: { ...sized(64, 4, 2, 16), "attention_bias": true, "mlp_bias": true },
    types: ALL,
  },
  "llama with its scaling": {
    architecture: "LlamaForCausalLM",
    gguf: "llama",
    config: { ...sized(64, 2, 1, 32), "rope_scaling": LLAMA3 },
    types: FLOATS,
  },
  "mistral with yarn": {
    architecture: "MistralForCausalLM",
    gguf: "llama",
    config: {
      ...sized(96, 3, 1, 32),
      "sliding_window": null,
      "rope_scaling": { "rope_type": "yarn", factor: 4, "original_max_position_embeddings": 32 },
    },
    types: FLOATS,
  },
  qwen2: {
    architecture: "Qwen2ForCausalLM",
    gguf: "qwen2",
    config: { ...sized(96, 3, 3, 32), "tie_word_embeddings": true },
    types: ALL,
  },
  qwen3: { architecture: "Qwen3ForCausalLM", gguf: "qwen3", config: sized(64, 6, 3, 48), types: ALL },
  gemma2: {
    architecture: "Gemma2ForCausalLM",
    gguf: "gemma2",
    config: {
      ...sized(96, 6, 2, 16),
      "num_hidden_layers": 3,
      "sliding_window": 17,
      "query_pre_attn_scalar": 16,
      "attn_logit_softcapping": 2.5,
      "final_logit_softcapping": 5.5,
    },
    types: ALL,
  },
  gemma3: {
    architecture: "Gemma3ForCausalLM",
    gguf: "gemma3",
    config: {
      ...sized(96, 6, 3, 32),
      "num_hidden_layers": 7,
      "sliding_window": 20,
      "query_pre_attn_scalar": 32,
      "rope_local_base_freq": 8000,
      "rope_scaling": { "rope_type": "linear", factor: 8 },
    },
    types: ALL,
  },
  phi3: { architecture: "Phi3ForCausalLM", gguf: "phi3", config: sized(96, 3, 1, 32), types: ALL },
  "phi3 with long rope": { architecture: "Phi3ForCausalLM", gguf: "phi3", config: LONG_ROPE, types: FLOATS },
  "phi3 with long rope, short": {
    architecture: "Phi3ForCausalLM",
    gguf: "phi3",
    config: LONG_ROPE,
    types: FLOATS,
    contextLength: 256,
  },
  smollm3: {
    architecture: "SmolLM3ForCausalLM",
    gguf: "smollm3",
    config: { ...sized(64, 2, 1, 32), "num_hidden_layers": 5 },
    types: ALL,
  },
  granite: {
    architecture: "GraniteForCausalLM",
    gguf: "granite",
    config: {
      ...sized(96, 6, 3, 16),
      "embedding_multiplier": 3,
      "attention_multiplier": 0.2,
      "residual_multiplier": 0.4,
      "logits_scaling": 2,
      "tie_word_embeddings": true,
    },
    types: ALL,
  },
  mixtral: {
    architecture: "MixtralForCausalLM",
    gguf: "llama",
    config: { ...sized(96, 3, 1, 32), "num_local_experts": 5, "num_experts_per_tok": 2 },
    types: FLOATS,
  },
  // Rounding may choose another expert, so quantised ones are compared where all of them count.
  "mixtral with all experts": {
    architecture: "MixtralForCausalLM",
    gguf: "llama",
    config: { ...sized(96, 3, 1, 32), "num_local_experts": 3, "num_experts_per_tok": 3 },
    types: ALL,
  },
  "qwen3 with experts": {
    architecture: "Qwen3MoeForCausalLM",
    gguf: "qwen3moe",
    config: {
      ...sized(64, 4, 2, 32),
      "moe_intermediate_size": 96,
      "num_experts": 6,
      "num_local_experts": 6,
      "num_experts_per_tok": 3,
      "norm_topk_prob": true,
    },
    types: FLOATS,
  },
  olmo2: { architecture: "Olmo2ForCausalLM", gguf: "olmo2", config: sized(96, 6, 2, 16), types: ALL },
};

/** The files of the models. */
export interface GgufModels extends AsyncDisposable {
  /** What transformers generates after the prompt of {@linkcode PROMPT}. */
  readonly greedy: Readonly<Record<string, readonly number[]>>;
  /** The safetensors folder of a model, or its file with matrices of a type. */
  path(name: string, type?: string): string;
}

/** Writes all models in one run of Python; disposing removes them. */
export async function writeGgufModels(): Promise<GgufModels> {
  const folder = await Deno.makeTempDir();
  const greedy = await askReference("gguf_models.py", {
    folder,
    tokens: [...PROMPT],
    numGreedy: NUM_GREEDY,
    tokenizer: TINY_TOKENIZER,
    models: GGUF_CASES,
  }) as Record<string, number[]>;
  for (const name of Object.keys(GGUF_CASES)) {
    const file = (name_: string) => join(folder, name, name_);
    await Deno.writeTextFile(file("tokenizer.json"), JSON.stringify(TINY_TOKENIZER.json));
    await Deno.writeTextFile(file("tokenizer_config.json"), JSON.stringify(TINY_TOKENIZER.config));
  }
  return {
    greedy,
    path: (name, type) => type === undefined ? join(folder, name) : join(folder, name, `${type}.gguf`),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}
