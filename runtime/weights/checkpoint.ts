/**
 * Opens a model: which tensors lie where, how the model is built, how its tokenizer works. Headers are read, weights
 * are not.
 *
 * @module
 */
import type { Checkpoint, TensorSource } from "../contracts/checkpoint.ts";
import type { Architecture } from "../architectures/architecture.ts";
import { mayHave } from "../architectures/model_tensors.ts";
import { architectureOf } from "../architectures/registry.ts";
import { LoadError } from "../contracts/errors.ts";
import type { StorageFormat } from "../contracts/storage_format.ts";
import { ggufTokenizer } from "../tokenizer/gguf_tokenizer.ts";
import { openTokenizer } from "../tokenizer/open_tokenizer.ts";
import type { TokenizerSource } from "../tokenizer/source.ts";
import { readGgufModel } from "./gguf_checkpoint.ts";
import { readGgufFiles } from "./gguf_split.ts";
import { ggufEmbeddingConfig, readEmbeddingConfig } from "./embedding_config.ts";
import { readHuggingFaceConfig } from "./huggingface_config.ts";
import { checkModel } from "./check_model.ts";
import { assembleQuantized } from "./quantized/assemble.ts";
import type { ModelFiles } from "./model_files.ts";
import { ggufRecommendedSampling, readRecommendedSampling } from "./recommended_sampling.ts";
import { readShards } from "./shard_tensors.ts";
import { isFloating } from "../tensor_files/stored_tensor.ts";

/** A model ready to be mapped, and the tokenizer that goes with it. */
export interface OpenedCheckpoint {
  /** The model. */
  readonly checkpoint: Checkpoint;
  /** What its tokenizer is built from. */
  readonly tokenizerSource: TokenizerSource;
}

/** What SGLang also calls a method of quantisation, by kernels that it has for it. */
const SAME_METHOD: Readonly<Record<string, string>> = { "awq_marlin": "awq", "gptq_marlin": "gptq" };

/**
 * Reads and checks the headers of a model; `quantization` is what `--quantization` says of it.
 *
 * @throws {LoadError} naming the tensor, key or field at fault, if a file is damaged or the model is not supported, or
 *   is quantised otherwise
 */
export async function openCheckpoint(files: ModelFiles, quantization?: string): Promise<OpenedCheckpoint> {
  const { unread, ...opened } = await (files.kind === "gguf" ? openGguf(files) : openShards(files));
  const { path, config } = opened.checkpoint, { quantization: found = "nothing" } = opened.checkpoint;
  if (quantization !== undefined && (SAME_METHOD[quantization] ?? quantization) !== found) {
    throw new LoadError(`Cannot load ${path} with --quantization ${quantization}: its files say ${found}`);
  }
  const tensors = checkModel(path, config, opened.checkpoint.tensors, unread);
  return { ...opened, checkpoint: { ...opened.checkpoint, tensors, dtype: prevailingDtype(tensors) } };
}

/** A model whose tensors are not yet checked against its architecture. */
interface OpenedFiles extends Pick<OpenedCheckpoint, "tokenizerSource"> {
  readonly checkpoint: Omit<Checkpoint, "dtype">;
  /** Tensors that nothing here can read, by name. */
  readonly unread: ReadonlyMap<string, string>;
}

async function openGguf({ path, files, tokenizerPath }: ModelFiles): Promise<OpenedFiles> {
  const file = readGgufFiles(files);
  // The file's own tokenizer may be of a kind that only --tokenizer-path can replace.
  const own = tokenizerPath === undefined ? ggufTokenizer(file) : undefined;
  const { config, tensors, unread } = readGgufModel(file, own);
  return {
    checkpoint: {
      path,
      config,
      tensors,
      files,
      quantization: "gguf",
      recommendedSampling: ggufRecommendedSampling(file),
      ...ggufEmbeddingConfig(file),
    },
    unread,
    tokenizerSource: own ?? await openTokenizer(tokenizerPath!),
  };
}

async function openShards({ path, kind, files, folder, tokenizerPath }: ModelFiles): Promise<OpenedFiles> {
  const { config, quantizer } = await readHuggingFaceConfig(folder), architecture = architectureOf(config);
  const { stored, unread } = await readShards({ kind, files }), { ownHeadPrefix } = architecture;
  useOwnNames(architecture, stored);
  const hasOwnHead = ownHeadPrefix !== undefined &&
    [...stored.keys()].some((name) => name.startsWith(ownHeadPrefix));
  for (const name of hasOwnHead ? [...stored.keys()] : []) {
    if (name.startsWith(ownHeadPrefix!)) stored.delete(name);
  }
  const { matrices, others } = quantizer === undefined
    ? { matrices: [], others: [...stored.values()] }
    : assembleQuantized(path, quantizer, stored, (name) => mayHave(architecture, name));
  const tensors = new Map(matrices.map((matrix) => [matrix.name, matrix]));
  for (const tensor of others) {
    if (!isFloating(tensor)) unread.set(tensor.name, `stored as ${tensor.format}`);
    else tensors.set(tensor.name, { ...tensor, file: tensor.file, rowOrder: "plain" });
  }
  return {
    checkpoint: {
      path,
      config,
      tensors,
      ...(hasOwnHead && { hasOwnHead }),
      files,
      ...(quantizer && { quantization: quantizer.method }),
      recommendedSampling: await readRecommendedSampling(folder),
      ...await readEmbeddingConfig(folder),
    },
    unread,
    tokenizerSource: await openTokenizer(tokenizerPath ?? folder),
  };
}

/** Renames tensors whose names begin otherwise in files of other makes. */
function useOwnNames<Tensor extends { readonly name: string }>(
  { namePrefixes = [] }: Architecture,
  tensors: Map<string, Tensor>,
): void {
  for (const [name, tensor] of [...tensors]) {
    const [found, here] = namePrefixes.find(([found]) => name.startsWith(found)) ?? [];
    if (found === undefined) continue;
    tensors.delete(name);
    tensors.set(here + name.slice(found.length), { ...tensor, name: here + name.slice(found.length) });
  }
}

const DTYPE_NAMES: Partial<Record<StorageFormat, string>> = {
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
};

/** Name of the format that most bytes are stored in, e.g. `Q4_1` or `bfloat16`. */
export function prevailingDtype(tensors: ReadonlyMap<string, TensorSource>): string {
  const bytes = new Map<StorageFormat, number>();
  for (const tensor of tensors.values()) {
    bytes.set(tensor.format, (bytes.get(tensor.format) ?? 0) + tensor.bytes);
  }
  const [format] = [...bytes].reduce(
    (most, entry) => entry[1] > most[1] ? entry : most,
    ["F32", -1] as const,
  );
  return DTYPE_NAMES[format] ?? format;
}
