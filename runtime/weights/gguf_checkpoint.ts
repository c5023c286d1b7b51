/**
 * Reads a GGUF file as a Hugging Face checkpoint: metadata become a {@linkcode ModelConfig}, tensors get their
 * Hugging Face names.
 *
 * @module
 */
import type { Checkpoint, ModelConfig, TensorSource } from "../contracts/checkpoint.ts";
import type { Architecture } from "../architectures/architecture.ts";
import { ARCHITECTURES } from "../architectures/registry.ts";
import { fromGguf, statedByTensors } from "../architectures/model_tensors.ts";
import type { TokenizerSource } from "../tokenizer/source.ts";
import type { GgufFile } from "../tensor_files/gguf.ts";
import { GgufMetadata } from "../tensor_files/gguf_metadata.ts";

/** What a GGUF file says of its model. */
interface GgufModel extends Pick<Checkpoint, "config" | "tensors"> {
  /** Tensors that nothing here can read, with what they are. */
  readonly unread: ReadonlyMap<string, string>;
}

/**
 * Tensors of names by which llama.cpp computes something: an architecture that has no such tensor would leave it out.
 * What is called otherwise is read by nobody.
 */
const PARTS =
  /^(blk\.\d+\.(attn_(?!rot_embd)|ffn_|post_|layer_output|ssm_|exp_probs)|output|token_embd_norm|position_embd)/;

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
): GgufModel {
  const metadata = new GgufMetadata(file), architecture = findArchitecture(metadata);
  const { tensors, unread } = readTensors(file, metadata, architecture);
  return { config: readConfig(metadata, architecture, { tensors, unread }, tokenizer), tensors, unread };
}

function findArchitecture(metadata: GgufMetadata): GgufArchitecture {
  const key = "general.architecture", name = metadata.required(key, metadata.string(key));
  const known = ARCHITECTURES.filter((one): one is GgufArchitecture => one.gguf !== undefined);
  const hasExperts = (metadata.number(`${name}.expert_count`) ?? 0) > 0;
  const named = known.filter(({ gguf }) => gguf.architecture === name);
  const found = named.find(({ gguf }) => Boolean(gguf.hasExperts) === hasExperts) ?? named[0];
  if (found === undefined) {
    const names = new Set(known.map(({ gguf }) => gguf.architecture));
    throw metadata.error(`${key} is ${name}, expected ${[...names].join(" or ")}`);
  }
  return found;
}

/** Tensors by Hugging Face's names; those that nothing here can read with what they are. */
function readTensors(
  file: GgufFile,
  metadata: GgufMetadata,
  architecture: GgufArchitecture,
): Pick<GgufModel, "tensors" | "unread"> {
  const tensors = new Map<string, TensorSource>(), unread = new Map<string, string>();
  for (const { name: ggufName, shape, format, file: path, offset, bytes } of file.tensors) {
    const tensor = fromGguf(architecture, ggufName);
    if (tensor !== undefined) {
      tensors.set(tensor.name, { ...tensor, addend: 0, file: path, offset, bytes, format, shape });
      continue;
    }
    const matrix = /\.bias$/.test(ggufName) && fromGguf(architecture, ggufName.replace(/bias$/, "weight"));
    if (matrix) {
      // Whether it is zero decides.
      const name = matrix.name.replace(/weight$/, "bias");
      tensors.set(name, { name, file: path, offset, bytes, format, shape, rowOrder: "plain" });
    } else {
      refusePart(metadata, architecture, ggufName);
    }
  }
  for (const [ggufName, found] of file.unread) {
    const tensor = fromGguf(architecture, ggufName);
    if (tensor === undefined) refusePart(metadata, architecture, ggufName);
    unread.set(tensor?.name ?? ggufName, found);
  }
  return { tensors, unread };
}

/** @throws {LoadError} if the tensor is one that llama.cpp would compute by */
function refusePart(metadata: GgufMetadata, { gguf }: GgufArchitecture, ggufName: string): void {
  if (!PARTS.test(ggufName)) return;
  throw metadata.error(`tensor ${ggufName} is not part of architecture ${gguf.architecture}`);
}

function readConfig(
  metadata: GgufMetadata,
  architecture: GgufArchitecture,
  { tensors, unread }: Pick<GgufModel, "tensors" | "unread">,
  tokenizer: TokenizerSource | undefined,
): ModelConfig {
  const eos = metadata.number("tokenizer.ggml.eos_token_id");
  return {
    architecture: architecture.name,
    ...architecture.gguf.readConfig(metadata),
    vocabSize: tensors.get(architecture.tensors.embedding)?.shape[0] ?? 0,
    ...statedByTensors(architecture, { has: (name) => tensors.has(name) || unread.has(name) }),
    eosTokenIds: tokenizer?.eosTokenIds ?? (eos === undefined ? [] : [eos]),
  };
}
