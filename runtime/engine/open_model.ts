/**
 * Opens what the flags name: model, tokenizer, and what drafts.
 *
 * @module
 */
import { join } from "node:path";
import type { LogLevel } from "../contracts/log_level.ts";
import type { ServerArgs } from "../contracts/server_args.ts";
import { openSpeculation } from "../speculation/setup/open_speculation.ts";
import { type HostedTokenizer, hostTokenizer } from "../tokenizer/host/hosted_tokenizer.ts";
import { ensureLoadableFolders } from "../tokenizer/loadable_folders.ts";
import { openCheckpoint } from "../weights/checkpoint.ts";
import { cacheFolder } from "../weights/default_model.ts";
import { type OnProgress, resolveModel } from "../weights/resolve.ts";
import type { EngineOptions } from "./options.ts";

/** What an engine is started with that comes from the model's files. */
export interface OpenedModel extends Pick<EngineOptions, "checkpoint" | "folders" | "speculation"> {
  /** The tokenizer; its hosts are building it. */
  readonly tokenizer: HostedTokenizer;
  /** Remarks for the log. */
  readonly notes: readonly string[];
}

/** Settings of {@linkcode openModel}. */
export interface OpenModelOptions {
  /** Called with the progress of downloads. */
  readonly onProgress?: OnProgress | undefined;
  /** Takes log lines. */
  readonly log: (level: LogLevel, text: string) => void;
}

/**
 * Finds or downloads the files, reads their headers, starts the tokenizer's hosts.
 *
 * @throws {LoadError} if there is no such model, or flags and files do not fit together
 */
export async function openModel(
  args: ServerArgs,
  { onProgress, log }: OpenModelOptions,
): Promise<OpenedModel> {
  const { downloadDir, tokenizerPath, revision, loadFormat } = args;
  const options = { downloadDir, onProgress };
  const target = await openCheckpoint(
    await resolveModel(args.modelPath, { ...options, tokenizerPath, revision, loadFormat }),
    args.quantization,
  );
  const { checkpoint, tokenizerSource } = target;
  await using opened = new AsyncDisposableStack();
  // Its hosts build it while the rest is read and the weights are loaded.
  const tokenizer = opened.use(hostTokenizer(tokenizerSource, {
    chatTemplate: args.chatTemplate,
    timeoutMs: args.tokenizeTimeout * 1000,
    log,
  }));
  const folders = await ensureLoadableFolders(tokenizerSource, {
    cacheDir: join(cacheFolder(args.downloadDir), "folders"),
    contextLength: args.contextLength ?? checkpoint.config.maxPositionEmbeddings,
    modelFiles: checkpoint.files,
  }).catch((error) => {
    log("warning", `Cannot write the tokenizer's files, which routers load: ${error.message}`);
    return undefined;
  });
  const speculation = await openSpeculation(args, target, options);
  opened.move();
  return { ...speculation, checkpoint, tokenizer, folders };
}
