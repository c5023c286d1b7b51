/**
 * How a checkpoint makes embeddings of hidden states: the files of sentence-transformers, or what a GGUF file says.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import type { Checkpoint } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import type { EmbeddingConfig, Pooling } from "../contracts/hidden_states.ts";
import type { GgufFile } from "../tensor_files/gguf.ts";
import { readJsonFile } from "../tensor_files/text_file.ts";

const MODULES = z.array(z.looseObject({ path: z.string(), type: z.string() }));

const POOLING = z.looseObject({ "pooling_mode": z.string().nullish() });

/** Names of `pooling_mode`, which older files write as switches `pooling_mode_...`. */
const POOLING_MODES: Readonly<Record<string, Pooling>> = {
  "lasttoken": "last",
  "mean": "mean",
  "mean_tokens": "mean",
  "cls": "cls",
  "cls_token": "cls",
};

/** llama.cpp's numbers of `pooling_type`; 0 is none. */
const GGUF_POOLING: Readonly<Record<number, Pooling>> = { 1: "mean", 2: "cls", 3: "last" };

/**
 * What modules.json and the configuration of its pooling say; empty without modules.json.
 *
 * @throws {LoadError} naming what is not served: another module, such as a dense layer, or pooling of several kinds
 */
export async function readEmbeddingConfig(folder: string): Promise<Pick<Checkpoint, "embedding">> {
  const path = join(folder, "modules.json");
  const modules = await readJsonFile(path, MODULES, []);
  if (modules.length === 0) return {};
  let pooling: Pooling | undefined, isNormalised = false;
  for (const module of modules) {
    const kind = module.type.split(".").at(-1)!;
    if (kind === "Pooling") pooling = await readPooling(join(folder, module.path, "config.json"));
    else if (kind === "Normalize") isNormalised = true;
    else if (kind !== "Transformer") {
      throw new LoadError(
        `Cannot load ${path}: a module is ${kind}, expected Transformer, Pooling or Normalize`,
      );
    }
  }
  if (pooling === undefined) throw new LoadError(`Cannot load ${path}: there is no module Pooling`);
  return { embedding: { pooling, isNormalised } };
}

async function readPooling(path: string): Promise<Pooling> {
  const config = await readJsonFile(path, POOLING);
  const switches = Object.entries(config).filter(([name, value]) =>
    name.startsWith("pooling_mode_") && value === true
  ).map(([name]) => name.slice("pooling_mode_".length));
  const modes = config.pooling_mode ? [config.pooling_mode] : switches;
  const [mode = "none"] = modes, pooling = POOLING_MODES[mode];
  if (pooling === undefined || modes.length > 1) {
    const expected = [...new Set(Object.keys(POOLING_MODES))].join(", ");
    throw new LoadError(
      `Cannot load ${path}: it pools by ${modes.join(" and ")}, expected one of ${expected}`,
    );
  }
  return pooling;
}

/**
 * What a GGUF file says of pooling; llama.cpp's embeddings have length 1.
 *
 * @throws {LoadError} if it is a model that looks ahead
 */
export function ggufEmbeddingConfig({ path, metadata }: GgufFile): Pick<Checkpoint, "embedding"> {
  const name = metadata.get("general.architecture");
  if (metadata.get(`${name}.attention.causal`) === false) {
    throw new LoadError(`Cannot load ${path}: ${name}.attention.causal is false, expected true`);
  }
  const pooling = GGUF_POOLING[Number(metadata.get(`${name}.pooling_type`) ?? 0)];
  const embedding: EmbeddingConfig | undefined = pooling && { pooling, isNormalised: true };
  return embedding === undefined ? {} : { embedding };
}
