/**
 * Reads a GGUF file as a Hugging Face checkpoint: metadata become a {@linkcode ModelConfig}, tensors get their
 * Hugging Face names.
 *
 * @module
 */
import type { Checkpoint, ModelConfig, TensorSource } from "../contracts/checkpoint.ts";
import type { Architecture } from "../architectures/architecture.ts";
import { refuseMoreThanOne } from "../architectures/gguf_keys.ts";
import { ARCHITECTURES } from "../architectures/registry.ts";
import { fromGguf, statedByTensors } from "../architectures/model_tensors.ts";
import type { TokenizerSource } from "../tokenizer/source.ts";
import type { GgufFile } from "../tensor_files/gguf.ts";
import { GgufMetadata } from "../tensor_files/gguf_metadata.ts";

/** An architecture that llama.cpp's converter writes. */
type GgufArchitecture = Architecture & Required<Pick<Architecture, "gguf">>;

/**
 * The model in a GGUF file; the ids that end generation are `tokenizer`'s if it is given.
 *
 * @throws {LoadError} naming the key or tensor, if the architecture or a setting of it is not supported
 */
export function readGgufModel(
  file: GgufFile,
  tokenizer: TokenizerSource | undefined,
): Pick<Checkpoint, "config" | "tensors"> {
  const metadata = new GgufMetadata(file), architecture = findArchitecture(metadata);
  const tensors = readTensors(file, metadata, architecture);
  return { config: readConfig(metadata, architecture, tensors, tokenizer), tensors };
}

function findArchitecture(metadata: GgufMetadata): GgufArchitecture {
  const key = "general.architecture", name = metadata.required(key, metadata.string(key));
  const known = ARCHITECTURES.filter((one): one is GgufArchitecture => one.gguf !== undefined);
  const found = known.find(({ gguf }) => gguf.architecture === name);
  if (found === undefined) {
    throw metadata.error(
      `${key} is ${name}, expected ${known.map(({ gguf }) => gguf.architecture).join(" or ")}`,
    );
  }
  return found;
}

function readTensors(
  file: GgufFile,
  metadata: GgufMetadata,
  architecture: GgufArchitecture,
): Map<string, TensorSource> {
  return new Map(file.tensors.map(({ name: ggufName, shape, format, offset, bytes }) => {
    const tensor = fromGguf(architecture, ggufName);
    if (tensor === undefined) {
      throw metadata.error(
        `tensor ${ggufName} is not part of architecture ${architecture.gguf.architecture}`,
      );
    }
    return [tensor.name, { ...tensor, addend: 0, file: file.path, offset, bytes, format, shape }];
  }));
}

function readConfig(
  metadata: GgufMetadata,
  architecture: GgufArchitecture,
  tensors: ReadonlyMap<string, TensorSource>,
  tokenizer: TokenizerSource | undefined,
): ModelConfig {
  refuseMoreThanOne(metadata, "split.count");
  const bos = metadata.number("tokenizer.ggml.bos_token_id");
  const eos = metadata.number("tokenizer.ggml.eos_token_id");
  return {
    architecture: architecture.name,
    ...architecture.gguf.readConfig(metadata),
    vocabSize: tensors.get(architecture.tensors.embedding)?.shape[0] ?? 0,
    ...statedByTensors(architecture, tensors),
    ...(bos !== undefined && { bosTokenId: bos }),
    eosTokenIds: tokenizer?.eosTokenIds ?? (eos === undefined ? [] : [eos]),
  };
}
