/**
 * Which layers of a decoder see a window only, and which of them have which rotary positions, as config.json says it.
 *
 * @module
 */
import { z } from "zod";
import type { LayerConfig } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import { SIZE, unsupportedSetting } from "./config_json.ts";
import type { NetworkConfig } from "./network_config.ts";

/** The fields of config.json that concern windows, for a schema. */
export const WINDOW_FIELDS = {
  "sliding_window": SIZE.nullish(),
  "layer_types": z.array(z.string()).nullish(),
};

/** What {@linkcode WINDOW_FIELDS} yields, and the number of layers. */
export type WindowFields = z.infer<z.ZodObject<typeof WINDOW_FIELDS>> & {
  readonly "num_hidden_layers": number;
};

/** What a layer has where `layer_types` does not say it. */
export interface LayerDefaults {
  /** Whether a layer sees a window only. */
  readonly slides: (layer: number) => boolean;
  /** Rotary positions of a layer; global if absent. */
  readonly ropeOf?: (layer: number, slides: boolean) => LayerConfig["rope"];
}

/** Most layers: each is checked by name later, until then their number is a claim, which is not to fill memory. */
export const MAX_LAYERS = 10_000;

/**
 * The layers of a model of which all have the window that config.json names, or none; whatever `layer_types` says, of
 * which transformers takes no notice then.
 *
 * @throws {LoadError} as {@linkcode readLayers}
 */
export function readUniformLayers(
  path: string,
  fields: Omit<WindowFields, "layer_types">,
): Pick<NetworkConfig, "layers"> {
  const slides = () => typeof fields.sliding_window === "number";
  return readLayers(path, { ...fields, "layer_types": null }, { slides });
}

/**
 * The layers, if they differ from each other or see a window.
 *
 * @throws {LoadError} naming the field, if a kind of layer is not known, or one has no window
 */
export function readLayers(
  path: string,
  fields: WindowFields,
  { slides, ropeOf = () => "global" }: LayerDefaults,
): Pick<NetworkConfig, "layers"> {
  const { num_hidden_layers: numLayers, layer_types: types, sliding_window: window } = fields;
  if (numLayers > MAX_LAYERS) {
    throw new LoadError(`Cannot load ${path}: ${numLayers} layers, expected at most ${MAX_LAYERS}`);
  }
  if (types && types.length !== numLayers) {
    throw new LoadError(
      `Cannot load ${path}: layer_types has ${types.length} entries, expected ${numLayers}`,
    );
  }
  const unknown = types?.find((type) => type !== "full_attention" && type !== "sliding_attention");
  if (unknown !== undefined) {
    throw unsupportedSetting(path, "layer_types", unknown, "full_attention or sliding_attention");
  }
  const layers = Array.from({ length: numLayers }, (_, layer): LayerConfig => {
    const isSliding = types ? types[layer] === "sliding_attention" : slides(layer);
    const rope = ropeOf(layer, isSliding);
    if (!isSliding) return { rope };
    if (window === null || window === undefined) {
      throw unsupportedSetting(path, "sliding_window", window, "a number, as layers have a window");
    }
    return { window, rope };
  });
  return layers.every(({ window, rope }) => window === undefined && rope === "global") ? {} : { layers };
}
