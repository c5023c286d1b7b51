/**
 * Windows as Qwen's models have them: off unless `use_sliding_window` says so, then in the upper layers.
 *
 * @module
 */
import { z } from "zod";
import { readLayers, WINDOW_FIELDS, type WindowFields } from "./layer_windows.ts";
import type { NetworkConfig } from "./network_config.ts";

/** The fields of config.json, for a schema, with transformers' defaults. */
export const QWEN_WINDOW_FIELDS = {
  ...WINDOW_FIELDS,
  "use_sliding_window": z.boolean().default(false),
  "sliding_window": WINDOW_FIELDS.sliding_window.default(4096),
  "max_window_layers": z.int().nonnegative().default(28),
};

/**
 * The layers, if they differ from each other or see a window.
 *
 * @throws {LoadError} as {@linkcode readLayers}
 */
export function readQwenLayers(
  path: string,
  fields: WindowFields & z.infer<z.ZodObject<typeof QWEN_WINDOW_FIELDS>>,
): Pick<NetworkConfig, "layers"> {
  const window = fields.use_sliding_window ? fields.sliding_window : null;
  const slides = (layer: number) => typeof window === "number" && layer >= fields.max_window_layers;
  return readLayers(path, { ...fields, "sliding_window": window }, { slides });
}
