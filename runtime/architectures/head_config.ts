/**
 * Reads what a draft head's config.json says. Its layers are plain decoder layers, whatever its target is.
 *
 * @module
 */
import { z } from "zod";
import { checkFields } from "../tensor_files/text_file.ts";
import type { NetworkConfig } from "./network_config.ts";
import { DECODER_FIELDS, networkConfig, requireSettings, SIZE } from "./config_json.ts";

const FIELDS = DECODER_FIELDS.extend({
  // Some heads keep the target's layer count and say theirs elsewhere; the tensors decide.
  "num_hidden_layers": SIZE.default(1),
  "target_hidden_size": SIZE.nullish(),
  "feature_hf_index": z.array(z.int().nonnegative()).min(1).nullish(),
  "eagle_config": z.looseObject({
    "eagle_aux_hidden_state_layer_ids": z.array(z.int()).min(1).nullish(),
  }).nullish(),
  "norm_before_residual": z.boolean().nullish(),
  "norm_output": z.boolean().nullish(),
});

/** What config.json says of a draft head. */
export interface HeadSettings {
  readonly network: NetworkConfig;
  /** Hidden states it takes, as `VerifierConfig.featureLayers`, if stated. */
  readonly featureLayers?: readonly number[];
  readonly normBeforeResidual: boolean;
  readonly normOutput: boolean;
}

/**
 * Reads the fields of a head's config.json, whose path is for errors. Biases of attention are allowed.
 *
 * @throws {LoadError} naming the field, if one is malformed or a setting is not supported
 */
export function readHeadSettings(path: string, json: Readonly<Record<string, unknown>>): HeadSettings {
  const fields = checkFields(path, json, FIELDS);
  requireSettings(path, fields, { "hidden_act": "silu", "mlp_bias": false });
  // These ids name the layer a state comes out of, Hugging Face's index the one it goes into.
  const after = fields.eagle_config?.eagle_aux_hidden_state_layer_ids?.map((id) => id + 1);
  const featureLayers = fields.feature_hf_index ?? after;
  return {
    network: networkConfig(path, fields),
    ...(featureLayers && { featureLayers }),
    normBeforeResidual: fields.norm_before_residual ?? false,
    normOutput: fields.norm_output ?? false,
  };
}
