/**
 * Tables of an architecture's tensors: names in Hugging Face's and GGUF's terms, shapes, and which must be there.
 *
 * @module
 */
import type { StorageFormat } from "../contracts/storage_format.ts";
import type { Architecture, NetworkConfig } from "./architecture.ts";

/** Sizes that shapes are made of. */
export interface TensorSizes extends NetworkConfig {
  /** All query heads side by side. */
  readonly queryWidth: number;
  /** All key heads side by side, or all value heads. */
  readonly kvWidth: number;
  /** What the query, key and value projections take; `hiddenSize` but in EAGLE-3 heads. */
  readonly attentionInput: number;
}

/** One tensor of an architecture. */
export interface TensorSpec {
  /** Hugging Face's name; of a layer's tensor the part behind the layer's number. */
  readonly name: string;
  /** GGUF's name; of a layer's tensor the part behind `blk.N.`. Absent: not in GGUF files. */
  readonly ggufName?: string;
  /** Rows then columns; a vector has one entry. */
  readonly shape: (sizes: TensorSizes) => readonly number[];
  /** `untied`: no part of a model whose output matrix is the embedding; `optional`: may lack. Absent: required. */
  readonly presence?: "untied" | "optional";
  /** The only format it may have; absent: any. */
  readonly format?: StorageFormat;
}

/** The tensors of an architecture in the order of its forward. */
export interface TensorTable {
  /** Before the layers. */
  readonly input: readonly TensorSpec[];
  /** What each layer's tensors begin with, before the layer's number, e.g. `model.layers.`. */
  readonly layerPrefix: string;
  /** Of each layer. */
  readonly layer: readonly TensorSpec[];
  /** Behind the layers. */
  readonly output: readonly TensorSpec[];
  /** Name of the embedding [vocabSize, hiddenSize]. */
  readonly embedding: string;
  /** Name of the output matrix [vocabSize, hiddenSize] where the embedding does not serve as one. */
  readonly lmHead: string;
}

/** A tensor that a model of certain sizes has. */
export interface ModelTensor {
  /** Hugging Face's name in full. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly isRequired: boolean;
  /** The only format it may have; absent: any. */
  readonly format?: StorageFormat;
}

/** Derives the sizes that {@linkcode TensorSpec.shape} takes. */
export function tensorSizes(config: NetworkConfig): TensorSizes {
  const { numHeads, numKvHeads, headDim, hiddenSize } = config;
  return {
    ...config,
    queryWidth: numHeads * headDim,
    kvWidth: numKvHeads * headDim,
    attentionInput: hiddenSize,
  };
}

/** The tensors of a model with this configuration, layer by layer. */
export function* modelTensors({ tensors }: Architecture, config: NetworkConfig): Generator<ModelTensor> {
  const sizes = tensorSizes(config);
  yield* sized(tensors.input, sizes, "");
  for (let layer = 0; layer < config.numLayers; layer++) {
    yield* sized(tensors.layer, sizes, `${tensors.layerPrefix}${layer}.`);
  }
  yield* sized(tensors.output, sizes, "");
}

function* sized(specs: readonly TensorSpec[], sizes: TensorSizes, prefix: string): Generator<ModelTensor> {
  for (const { name, shape, presence, format } of specs) {
    if (presence === "untied" && sizes.tieWordEmbeddings) continue;
    const isRequired = presence !== "optional";
    yield { name: prefix + name, shape: shape(sizes), isRequired, ...(format !== undefined && { format }) };
  }
}

/** Name of the matrix [vocabSize, hiddenSize] that turns hidden states into logits. */
export function outputMatrix({ tensors }: Architecture, config: NetworkConfig): string {
  return config.tieWordEmbeddings ? tensors.embedding : tensors.lmHead;
}

/** Hugging Face's name and row order of a tensor in a GGUF file; undefined if the architecture has none of that name. */
export function fromGguf(
  { tensors, gguf }: Architecture,
  ggufName: string,
): { readonly name: string; readonly rowOrder: "plain" | "interleaved" } | undefined {
  const [, layer, part] = /^blk\.(\d+)\.(.+)$/.exec(ggufName) ?? [];
  if (layer === undefined) {
    const spec = [...tensors.input, ...tensors.output].find((spec) => spec.ggufName === ggufName);
    return spec && { name: spec.name, rowOrder: "plain" };
  }
  const spec = tensors.layer.find((spec) => spec.ggufName === part);
  return spec && {
    name: `${tensors.layerPrefix}${layer}.${spec.name}`,
    rowOrder: gguf?.interleaved.includes(spec.name) ? "interleaved" : "plain",
  };
}
