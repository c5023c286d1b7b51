/**
 * The real server on a tiny random model, for tests that need an answer and not a good one.
 *
 * @module
 */
import { ServerProcess } from "./server_process.ts";
import { writeTinyModel } from "./tiny_model.ts";

/** A server with its model, which goes with it. */
export class TinyServer implements AsyncDisposable {
  readonly #server: ServerProcess;
  readonly #folder: string;

  private constructor(server: ServerProcess, folder: string) {
    this.#server = server;
    this.#folder = folder;
  }

  /** Writes the model and starts a server on it, with these flags besides. */
  static async start(flags: readonly string[] = []): Promise<TinyServer> {
    const folder = await Deno.makeTempDir();
    try {
      const config = { numHeads: 4, numKvHeads: 2, headDim: 32 };
      const model = await writeTinyModel(folder, { kind: "safetensors", seed: 1, config });
      return new TinyServer(await ServerProcess.start(["--model-path", model, ...flags]), folder);
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /** Address without a slash at its end. */
  get url(): string {
    return this.#server.url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
