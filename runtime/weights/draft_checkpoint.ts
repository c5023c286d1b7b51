/**
 * Opens a draft head: finds out from its tensors what kind it is, and whether it fits the target and the algorithm.
 *
 * @module
 */
import { join } from "node:path";
import type { Checkpoint, TensorSource } from "../contracts/checkpoint.ts";
import { LoadError } from "../contracts/errors.ts";
import type { HeadCheckpoint, HeadKind } from "../contracts/speculation_config.ts";
import { prevailingDtype } from "./checkpoint.ts";
import { checkHead } from "./head_tensors.ts";
import { fetchHubFiles, type HubModelOptions, isHubId } from "./hub_model.ts";
import { readShardNames, SHARD_INDEX } from "./local_model.ts";
import { type HeadSettings, readHeadConfig } from "./huggingface_config.ts";
import { readSafetensors } from "../tensor_files/safetensors.ts";
import { isFloating, readIntegers, type StoredTensor } from "../tensor_files/stored_tensor.ts";
import { readTorchFile, stateDict } from "../tensor_files/torch_pickle.ts";

/** What {@linkcode openDraftHead} opens, and for whom. */
export interface DraftHeadOptions extends HubModelOptions {
  /** `--speculative-draft-model-path`: a folder, or a hub id. */
  readonly path: string;
  /** `--speculative-algorithm`. */
  readonly algorithm: string;
  readonly target: Checkpoint;
}

/** A tensor and its file. */
type FileTensor = StoredTensor & { readonly file: string };

/** Weight files in order of preference; a folder may hold others, goldens for instance. */
const WEIGHT_FILES = ["model.safetensors", "pytorch_model.bin"];

const SHARD = /^model-\d+-of-\d+\.safetensors$/;

const MTP_TENSOR = /^model\.mtp_layers\.0\.(.+)$/;

const ALGORITHMS: Readonly<Record<HeadKind, readonly string[]>> = {
  eagle: ["EAGLE", "NEXTN"],
  eagle3: ["EAGLE3"],
  mtp: ["NEXTN"],
};

/**
 * Reads and checks the headers of a draft head; weights are not touched.
 *
 * @throws {LoadError} saying what was found and what was expected, if it is damaged or does not fit
 */
export async function openDraftHead(options: DraftHeadOptions): Promise<HeadCheckpoint> {
  const { path, algorithm, target } = options;
  const folder = await findFolder(options);
  const settings = await readHeadConfig(folder);
  const files = await findWeights(path, folder), named = await readHeaders(files);
  const kind = kindOf(path, named, target);
  if (!ALGORITHMS[kind].includes(algorithm)) {
    throw new LoadError(
      `Cannot use ${path} with --speculative-algorithm ${algorithm}: its tensors are those of ${
        describe(kind)
      }, expected --speculative-algorithm ${ALGORITHMS[kind][0]}`,
    );
  }
  const tensors = new Map<string, TensorSource>();
  for (const tensor of named) {
    if (isFloating(tensor)) tensors.set(tensor.name, { ...tensor, rowOrder: "plain" });
  }
  const head: HeadCheckpoint = {
    path,
    config: { ...settings.config, numLayers: countLayers(tensors) },
    tensors,
    files,
    dtype: prevailingDtype(tensors),
    head: {
      kind,
      featureLayers: featureLayers(kind, settings, target),
      draftTokens: draftTokens(named),
      normBeforeResidual: settings.normBeforeResidual,
      normOutput: kind === "mtp" || settings.normOutput,
    },
  };
  checkHead(head, target);
  return head;
}

async function findFolder({ path, ...options }: DraftHeadOptions): Promise<string> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (info !== undefined && options.revision !== undefined) {
    throw new LoadError(
      `Cannot load draft head ${path} at revision ${options.revision}: it is not from the hub`,
    );
  }
  if (info?.isDirectory) return path;
  if (info === undefined && isHubId(path)) {
    return await fetchHubFiles(path, (names) => ["config.json", ...weightFilesOf(names)], options);
  }
  throw new LoadError(`Cannot load draft head ${path}: ${info ? "it is no folder" : "no such folder"}`);
}

/** The weight files among `names`, the index of sharded ones included. */
function weightFilesOf(names: readonly string[]): string[] {
  const whole = WEIGHT_FILES.find((name) => names.includes(name));
  if (whole !== undefined) return [whole];
  // An MTP layer lies in its target's checkpoint, which may be sharded.
  return names.includes(SHARD_INDEX) ? names.filter((name) => name === SHARD_INDEX || SHARD.test(name)) : [];
}

async function findWeights(path: string, folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  const files = weightFilesOf(names);
  if (files.length === 0) {
    throw new LoadError(`Cannot load draft head ${path}: expected ${WEIGHT_FILES.join(" or ")} in it`);
  }
  return (files.includes(SHARD_INDEX) ? await readShardNames(folder) : files).map((name) =>
    join(folder, name)
  );
}

/** The head's tensors: of a checkpoint that has an MTP layer besides the target's layers, just that. */
async function readHeaders(files: readonly string[]): Promise<FileTensor[]> {
  const all: FileTensor[] = [];
  for (const file of files) {
    const stored = file.endsWith(".bin") ? stateDict(await readTorchFile(file)) : readSafetensors(file);
    all.push(...stored.map((tensor) => ({ ...tensor, file })));
  }
  const mtp = all.filter(({ name }) => MTP_TENSOR.test(name));
  return (mtp.length > 0 ? mtp : all).map((tensor) => ({ ...tensor, name: canonicalName(tensor.name) }));
}

/** The name without what differs between trainers: some prefix everything, EAGLE-3's authors call the layer otherwise. */
function canonicalName(name: string): string {
  const mtp = MTP_TENSOR.exec(name)?.[1];
  if (mtp === undefined) return name.replace(/^model\./, "").replace(/^midlayer\./, "layers.0.");
  return /^(input|post_attention)_layernorm|^self_attn|^mlp/.test(mtp) ? `layers.0.${mtp}` : mtp;
}

function kindOf(path: string, tensors: readonly StoredTensor[], target: Checkpoint): HeadKind {
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
  if (shapes.has("input_proj.weight")) return "mtp";
  const fc = shapes.get("fc.weight");
  if (fc === undefined) {
    throw new LoadError(
      `Cannot load draft head ${path}: it has no tensor fc.weight, expected an EAGLE, EAGLE-2, EAGLE-3 or MTP head`,
    );
  }
  if (shapes.has("layers.0.hidden_norm.weight")) return "eagle3";
  const [rows, cols] = fc, width = target.config.hiddenSize;
  if (cols === rows! + width) return "eagle";
  throw new LoadError(
    `Cannot load draft head ${path}: fc.weight is [${fc.join(", ")}] and there is no hidden_norm, ` +
      `expected [n, n + ${width}] (EAGLE, EAGLE-2) or a hidden_norm (EAGLE-3) for a target of width ${width}`,
  );
}

function describe(kind: HeadKind): string {
  return { eagle: "an EAGLE or EAGLE-2 head", eagle3: "an EAGLE-3 head", mtp: "an MTP layer" }[kind];
}

function countLayers(tensors: ReadonlyMap<string, unknown>): number {
  let count = 0;
  while (tensors.has(`layers.${count}.self_attn.q_proj.weight`)) count++;
  return Math.max(1, count);
}

/** EAGLE and MTP take what the final norm puts out; EAGLE-3 three states, by default those the authors chose. */
function featureLayers(
  kind: HeadKind,
  { featureLayers: stated }: HeadSettings,
  target: Checkpoint,
): readonly number[] {
  const { numLayers } = target.config;
  if (kind !== "eagle3") return [numLayers];
  return stated ?? [2, Math.floor(numLayers / 2), numLayers - 3];
}

/** d2t[i] is how far target id lies from draft id i. */
function draftTokens(tensors: readonly FileTensor[]): Int32Array | undefined {
  const offsets = tensors.find(({ name }) => name === "d2t");
  return offsets && readIntegers(offsets.file, offsets).map((offset, i) => i + offset);
}
