/**
 * Opens a draft head: finds out from its tensors what kind it is, and whether it fits the target.
 *
 * @module
 */
import { join } from "node:path";
import type { Checkpoint, TensorSource } from "../contracts/checkpoint.ts";
import {
  countLayers,
  defaultFeatureLayers,
  FUSION_MATRIX,
  headTensorsOf,
  kindOfHead,
} from "../architectures/draft_heads.ts";
import { LoadError } from "../contracts/errors.ts";
import type { HeadCheckpoint, HeadKind } from "../contracts/speculation_config.ts";
import { prevailingDtype } from "./checkpoint.ts";
import { checkHead } from "./check_head.ts";
import { fetchHubFiles, type HubModelOptions, isHubId } from "./hub_model.ts";
import { readShardNames } from "./local_model.ts";
import { SHARD_INDEX } from "./weight_files.ts";
import { readHeadConfig } from "./huggingface_config.ts";
import { readSafetensors } from "../tensor_files/safetensors.ts";
import { isFloating, readIntegers, type StoredTensor } from "../tensor_files/stored_tensor.ts";
import { readTorchFile, stateDict } from "../tensor_files/torch_pickle.ts";

/** Options of {@linkcode openDraftHead}. */
export interface DraftHeadOptions extends HubModelOptions {
  /** `--speculative-draft-model-path`: a folder, or a hub id. */
  readonly path: string;
  /** The model that the head drafts for. */
  readonly target: Checkpoint;
  /** Its weight files; found in the folder if absent. */
  readonly files?: readonly string[];
}

/** A tensor and its file. */
type FileTensor = StoredTensor & { readonly file: string };

/** Weight files in order of preference; a folder may hold others, goldens for instance. */
const WEIGHT_FILES = ["model.safetensors", "pytorch_model.bin"];

/** Maps between the vocabularies of target and head, which are integers. */
const MAPS: ReadonlySet<string> = new Set(["d2t", "t2d"]);

const SHARD = /^model-\d+-of-\d+\.safetensors$/;

/**
 * Reads and checks the headers of a draft head; weights are not touched.
 *
 * @throws {LoadError} saying what was found and what was expected, if it is damaged or does not fit
 */
export async function openDraftHead(options: DraftHeadOptions): Promise<HeadCheckpoint> {
  const { path, target } = options;
  const folder = await findFolder(options);
  const settings = await readHeadConfig(folder);
  const files = options.files ?? await findWeights(path, folder), named = await readHeaders(files);
  // Of a quantised target that has a head in its own files, the head may have been left as it was.
  if (named.some((tensor) => !isFloating(tensor) && !MAPS.has(tensor.name))) settings.refuseQuantized();
  const kind = kindOf(path, named, target);
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
      featureLayers: (kind === "eagle3" ? settings.featureLayers : undefined) ??
        defaultFeatureLayers(kind, target.config.numLayers),
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
  return (files.includes(SHARD_INDEX) ? await readShardNames(folder, SHARD_INDEX) : files).map((name) =>
    join(folder, name)
  );
}

/** The head's tensors in these files. */
async function readHeaders(files: readonly string[]): Promise<FileTensor[]> {
  const all: FileTensor[] = [];
  for (const file of files) {
    const stored = file.endsWith(".bin")
      ? stateDict(await readTorchFile(file))
      : readSafetensors(file, new Map());
    all.push(...stored.map((tensor) => ({ ...tensor, file })));
  }
  return headTensorsOf(all);
}

function kindOf(path: string, tensors: readonly StoredTensor[], target: Checkpoint): HeadKind {
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape])), kind = kindOfHead(shapes);
  if (kind === undefined) {
    throw new LoadError(
      `Cannot load draft head ${path}: it has no tensor ${FUSION_MATRIX}, expected an EAGLE, EAGLE-2, EAGLE-3 or MTP head`,
    );
  }
  if (kind !== "eagle") return kind;
  // EAGLE's matrix takes its own width beside the target's; a head with another one is of no known kind.
  const fc = shapes.get(FUSION_MATRIX)!, [rows, cols] = fc, width = target.config.hiddenSize;
  if (cols === rows! + width) return kind;
  throw new LoadError(
    `Cannot load draft head ${path}: ${FUSION_MATRIX} is [${fc.join(", ")}] and there is no hidden_norm, ` +
      `expected [n, n + ${width}] (EAGLE, EAGLE-2) or a hidden_norm (EAGLE-3) for a target of width ${width}`,
  );
}

/** Target id of each draft id; `d2t` holds the differences of the two. Undefined without `d2t`. */
function draftTokens(tensors: readonly FileTensor[]): Int32Array | undefined {
  const offsets = tensors.find(({ name }) => name === "d2t");
  return offsets && readIntegers(offsets.file, offsets).map((offset, i) => i + offset);
}
