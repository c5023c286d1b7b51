/**
 * MiMo (Xiaomi 2025, arXiv 2505.07608): Qwen2, with MTP layers in the same files.
 *
 * @module
 */
import type { Architecture } from "./architecture.ts";
import { MTP_PREFIX } from "./draft_heads.ts";
import { QWEN2 } from "./qwen2.ts";

/** The descriptor. */
export const MIMO: Architecture = {
  name: "MiMoForCausalLM",
  modelType: "mimo",
  readConfig: QWEN2.readConfig,
  tensors: QWEN2.tensors,
  ownHeadPrefix: MTP_PREFIX,
};
