/**
 * Aerie's side through the whole server: `serve.ts` in a process of its own, streams over HTTP as OpenAI's clients ask
 * for them. The client shares the machine with the server, as it does not for the peers.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { ended, type Question, type Setup, type Side, type Stream } from "./side.ts";

const SERVE = new URL("../../serve.ts", import.meta.url).pathname;
const NAME = "bench";

/** A running server. */
export class ServerSide implements Side {
  readonly #process: ChildProcess;
  readonly #url: string;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.#url = url;
  }

  /** Resolves when the server is ready. */
  static async start({ modelFile, threads }: Setup): Promise<ServerSide> {
    const flags = [
      "--model-path",
      modelFile,
      "--served-model-name",
      NAME,
      "--threads",
      String(threads),
      "--port",
      "0",
    ];
    const server = spawn(Deno.execPath(), ["run", "--allow-all", SERVE, ...flags, "--disable-radix-cache"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ready = Promise.withResolvers<string>();
    let url = "", latest = "";
    // Heard to the end, so that the server never waits for room in the pipe.
    createInterface({ input: server.stderr! })
      .on("line", (line) => {
        latest = line;
        url = /Listening on (\S+)/.exec(line)?.[1] ?? url;
        if (line.includes("ready to roll")) ready.resolve(url);
      })
      .on("close", () => ready.reject(new Error(`Cannot measure the server: it ended with ${latest}`)));
    return new ServerSide(server, await ready.promise);
  }

  async generate({ prompts, numTokens }: Question): Promise<Stream[]> {
    const begun = performance.now();
    return await Promise.all(prompts.map((prompt) => this.#stream(prompt, numTokens, begun)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await ended(this.#process);
  }

  async #stream(prompt: readonly number[], numTokens: number, begun: number): Promise<Stream> {
    const response = await fetch(`${this.#url}/v1/completions`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        "model": NAME,
        "prompt": prompt,
        "max_tokens": numTokens,
        "temperature": 0,
        "ignore_eos": true,
        "stream": true,
        "stream_options": { "continuous_usage_stats": true },
      }),
    });
    if (!response.ok) throw new Error(`Cannot measure the server: ${await response.text()}`);
    const timesMs: number[] = [];
    for await (const event of events(response.body!)) {
      const now = performance.now() - begun;
      while (timesMs.length < event.usage["completion_tokens"]) timesMs.push(now);
    }
    return { timesMs };
  }
}

/** The chunks of a stream of server-sent events, up to `[DONE]`. */
async function* events(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<{ readonly usage: { readonly completion_tokens: number } }> {
  let buffered = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const parts = (buffered + text).split("\n\n");
    buffered = parts.pop()!;
    for (const part of parts) {
      const data = part.slice("data: ".length);
      if (data !== "[DONE]") yield JSON.parse(data);
    }
  }
}
