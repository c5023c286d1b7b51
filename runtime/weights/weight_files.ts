/**
 * Which of a folder's files, on this machine or on the hub, hold the weights of its model.
 *
 * @module
 */

/** Containers of weights: `pt` is PyTorch's, `pytorch_model.bin`. */
export type WeightFormat = "safetensors" | "pt" | "gguf";

/** Which files of a folder are read: of the format named, or those that are there. */
export type LoadFormat = "auto" | WeightFormat;

/** The files that hold a model's weights: themselves, or the index that names them. */
export type WeightFiles =
  | { readonly kind: WeightFormat; readonly files: readonly string[] }
  | { readonly kind: "safetensors" | "pt"; readonly index: string };

/** The index of a safetensors checkpoint in several files. */
export const SHARD_INDEX = "model.safetensors.index.json";

/** Files of transformers' formats: a whole one, the index of shards, shards and what else may be read without either. */
const NAMES = {
  safetensors: {
    whole: "model.safetensors",
    index: SHARD_INDEX,
    other: /\.safetensors$/,
  },
  pt: {
    whole: "pytorch_model.bin",
    index: "pytorch_model.bin.index.json",
    other: /^pytorch_model-\d+-of-\d+\.bin$/,
  },
} as const;

/** A GGUF model in several files, as llama.cpp's gguf-split names them. */
const SPLIT = /^(.+)-(\d{5})-of-(\d{5})\.gguf$/;

/**
 * The weights among these file names, as transformers prefers them: safetensors, then PyTorch's, then GGUF; a whole file
 * before an index, which may be left from other weights. Undefined if there are none; several GGUF models are `files` of
 * their first files.
 */
export function chooseWeights(names: readonly string[], format: LoadFormat): WeightFiles | undefined {
  for (const kind of ["safetensors", "pt"] as const) {
    if (format !== "auto" && format !== kind) continue;
    const { whole, index, other } = NAMES[kind];
    if (names.includes(whole)) return { kind, files: [whole] };
    if (names.includes(index)) return { kind, index };
    const files = names.filter((name) => other.test(name)).toSorted();
    if (files.length > 0) return { kind, files };
  }
  if (format !== "auto" && format !== "gguf") return undefined;
  const files = names.filter((name) => name.endsWith(".gguf") && (splitOf(name)?.first ?? name) === name);
  return files.length > 0 ? { kind: "gguf", files: files.toSorted() } : undefined;
}

/** The files of the split model that a GGUF file belongs to by its name, in order; undefined if it is whole. */
export function splitOf(
  name: string,
): { readonly first: string; readonly files: readonly string[] } | undefined {
  const [, stem, , count] = SPLIT.exec(name) ?? [];
  if (stem === undefined || count === undefined || Number(count) < 1) return undefined;
  const part = (number: number) => `${stem}-${String(number).padStart(5, "0")}-of-${count}.gguf`;
  return { first: part(1), files: Array.from({ length: Number(count) }, (_, i) => part(i + 1)) };
}
