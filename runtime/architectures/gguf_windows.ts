/**
 * Which layers of a GGUF model see a window only, with the meaning that the keys have in llama.cpp.
 *
 * @module
 */
import type { LayerConfig } from "../contracts/checkpoint.ts";
import type { GgufMetadata } from "../tensor_files/gguf_metadata.ts";
import type { GgufConfig } from "./network_config.ts";

/** What an architecture's files leave open. */
export interface GgufWindows {
  readonly numLayers: number;
  /** The window where no key states one; absent: none. */
  readonly window?: number;
  /** One layer in so many sees everything, where no key states which; absent: all slide. */
  readonly interval?: number;
  /** Rotary positions of the layers that slide; global if absent. */
  readonly slidingRope?: LayerConfig["rope"];
}

/**
 * The layers, if they see a window.
 *
 * @throws {LoadError} naming the key, if it is malformed
 */
export function readGgufWindows(
  metadata: GgufMetadata,
  key: (name: string) => string,
  { numLayers, window: usual = 0, interval = 0, slidingRope = "global" }: GgufWindows,
): Pick<GgufConfig, "layers"> {
  const window = metadata.number(key("attention.sliding_window")) ?? usual;
  if (window === 0) return {};
  if (!Number.isSafeInteger(window) || window < 0) {
    throw metadata.error(`${key("attention.sliding_window")} is ${window}`);
  }
  const patternKey = key("attention.sliding_window_pattern"), pattern = metadata.numbers(patternKey);
  if (pattern !== undefined && pattern.length > 1 && pattern.length < numLayers) {
    throw metadata.error(`${patternKey} has ${pattern.length} entries, expected ${numLayers}`);
  }
  const step = pattern?.length === 1 ? pattern[0]! : interval;
  const slides = (layer: number) =>
    pattern !== undefined && pattern.length > 1
      ? pattern[layer] !== 0
      : step === 0 || layer % step < step - 1;
  return {
    layers: Array.from(
      { length: numLayers },
      (_, layer): LayerConfig => slides(layer) ? { window, rope: slidingRope } : { rope: "global" },
    ),
  };
}
