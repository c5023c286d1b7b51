/**
 * The server that suites of other people's clients run against.
 *
 * @module
 */
import { needsModel } from "./model_file.ts";
import { ServerProcess } from "./server_process.ts";

/** Name of the served model. */
export const servedModel = "smol";
/** Key that the server asks for. */
export const apiKey = "secret";
/** Tokens of a sequence at most: few, since several clients generate until the context is full. */
export const contextLength = 512;

/**
 * Starts the real server on the default model, with a key and the default speculation.
 *
 * @throws {Error} with its log if it ends instead
 */
export function startForClients(...flags: readonly string[]): Promise<ServerProcess> {
  return ServerProcess.start([
    "--model-path",
    needsModel().path,
    "--served-model-name",
    servedModel,
    "--context-length",
    String(contextLength),
    "--api-key",
    apiKey,
    ...flags,
  ]);
}
