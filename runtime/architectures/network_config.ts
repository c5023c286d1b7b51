/**
 * What configuration readers of architectures yield.
 *
 * @module
 */
import type { ModelConfig } from "../contracts/checkpoint.ts";

/** Sizes and settings of a network: a {@linkcode ModelConfig} without its architecture's name and its tokens. */
export type NetworkConfig = Omit<ModelConfig, "architecture" | "eosTokenIds">;

/** What a GGUF file's metadata say of a network; the rest follows from its tensors. */
export type GgufConfig = Omit<NetworkConfig, "vocabSize" | "tieWordEmbeddings" | "attentionBias" | "mlpBias">;
