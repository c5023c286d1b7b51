/**
 * MiMo (Xiaomi 2025, arXiv 2505.07608): Qwen2 whose checkpoint carries MTP layers beside the model.
 *
 * @module
 */
import { checkFields } from "../tensor_files/text_file.ts";
import type { Architecture } from "./architecture.ts";
import { DECODER_FIELDS, networkConfig, requireSettings } from "./config_json.ts";
import { MTP_PREFIX } from "./draft_heads.ts";
import { LLAMA } from "./llama.ts";

/** The descriptor. */
export const MIMO: Architecture = {
  name: "MiMoForCausalLM",
  modelType: "mimo",
  readConfig(path, fields) {
    const checked = checkFields(path, fields, DECODER_FIELDS);
    requireSettings(path, checked, { "hidden_act": "silu", "mlp_bias": false, "partial_rotary_factor": 1 });
    return networkConfig(path, checked);
  },
  tensors: {
    ...LLAMA.tensors,
    layer: [
      ...LLAMA.tensors.layer,
      { name: "self_attn.q_proj.bias", shape: ({ queryWidth }) => [queryWidth] },
      { name: "self_attn.k_proj.bias", shape: ({ kvWidth }) => [kvWidth] },
      { name: "self_attn.v_proj.bias", shape: ({ kvWidth }) => [kvWidth] },
    ],
  },
  ownHeadPrefix: MTP_PREFIX,
};
