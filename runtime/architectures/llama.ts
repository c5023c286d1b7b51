/**
 * Llama (Touvron et al. 2023), and what has its form: SmolLM2, TinyLlama.
 *
 * @module
 */
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings } from "./config_json.ts";
import { DECODER_LAYER } from "./decoder_layer.ts";
import { decoderConfig, refuseMoreThanOne } from "./gguf_keys.ts";

const GGUF_NAME = "llama";

const EMBEDDING = "model.embed_tokens.weight", LM_HEAD = "lm_head.weight";

/** The descriptor. */
export const LLAMA: Architecture = {
  name: "LlamaForCausalLM",
  modelType: "llama",
  readConfig(path, fields) {
    const checked = checkFields(path, fields, DECODER_FIELDS);
    requireSettings(path, checked, {
      "hidden_act": "silu",
      "mlp_bias": false,
      "attention_bias": false,
    });
    return networkConfig(path, checked);
  },
  tensors: {
    input: [{
      name: EMBEDDING,
      ggufName: "token_embd.weight",
      shape: ({ vocabSize, hiddenSize }) => [vocabSize, hiddenSize],
    }],
    layerPrefix: "model.layers.",
    layer: DECODER_LAYER,
    output: [
      { name: "model.norm.weight", ggufName: "output_norm.weight", shape: ({ hiddenSize }) => [hiddenSize] },
      {
        name: LM_HEAD,
        ggufName: "output.weight",
        shape: ({ vocabSize, hiddenSize }) => [vocabSize, hiddenSize],
        presence: "untied",
      },
    ],
    embedding: EMBEDDING,
    lmHead: LM_HEAD,
  },
  gguf: {
    architecture: GGUF_NAME,
    readConfig(metadata) {
      refuseMoreThanOne(metadata, `${GGUF_NAME}.expert_count`);
      return decoderConfig(metadata, GGUF_NAME);
    },
    interleaved: ["self_attn.q_proj.weight", "self_attn.k_proj.weight"],
  },
  draftTree: { numSteps: 5, topk: 4, numDraftTokens: 8 },
};
