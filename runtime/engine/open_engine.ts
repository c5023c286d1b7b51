/**
 * Opens an engine in one call: native library, model, actors.
 *
 * @module
 */
import type { ActorCrashedError } from "../contracts/errors.ts";
import type { LogLevel } from "../contracts/log_level.ts";
import type { ServerArgs } from "../contracts/server_args.ts";
import { openDevice } from "./devices.ts";
import { type Engine, startEngine } from "./engine.ts";
import { openModel } from "./open_model.ts";

/** Settings of {@linkcode openEngine}. */
export interface OpenEngineOptions {
  /** Takes the log lines of engine and actors; they are dropped if left out. */
  readonly log?: (level: LogLevel, text: string) => void;
  /** Called once when an actor crashed; the engine serves no more, `stop` still frees it. */
  readonly onCrash?: (error: ActorCrashedError) => void;
  /** Called with the progress of building the native library, if it is built. */
  readonly onBuild?: (text: string) => void;
}

/**
 * Builds the native library of the device if need be, finds or downloads the model that `args` name, and starts an
 * engine whose actors and tokenizer run beside the calling thread.
 *
 * @throws {LoadError} if flags, model, library or memory do not fit together
 */
export async function openEngine(
  args: ServerArgs,
  { log = () => {}, onCrash, onBuild }: OpenEngineOptions = {},
): Promise<Engine> {
  const device = await openDevice(args, { log, ...(onBuild && { onProgress: onBuild }) });
  const { notes, ...model } = await openModel(args, { log });
  await using opened = new AsyncDisposableStack();
  opened.use(model.tokenizer);
  for (const note of notes) log("warning", note);
  const engine = await startEngine({
    args,
    ...model,
    ...device,
    placement: "worker",
    log,
    ...(onCrash && { onCrash }),
  });
  // The tokenizer is the engine's now.
  opened.move();
  return engine;
}
