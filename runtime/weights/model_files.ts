/**
 * What the resolver hands to the loader.
 *
 * @module
 */

import type { WeightFormat } from "./weight_files.ts";

/** The files of a model on this machine. */
export interface ModelFiles {
  /** As asked for, or the name of the default model. */
  readonly path: string;
  /** Format of the weights. */
  readonly kind: WeightFormat;
  /** The files in order: shards by their names, of a split GGUF file the first before the others. */
  readonly files: readonly string[];
  /** Where config.json and the tokenizer lie. */
  readonly folder: string;
  /** What `--tokenizer-path` names, if given. */
  readonly tokenizerPath?: string;
}

/** How far a download or an extraction is. */
export interface DownloadProgress {
  /** What is being done. */
  readonly label: string;
  /** Bytes so far. */
  readonly doneBytes: number;
  /** Bytes in all, if known. */
  readonly totalBytes?: number;
}

/** Called with the progress of a download or an extraction as it goes on. */
export type OnProgress = (progress: DownloadProgress) => void;
