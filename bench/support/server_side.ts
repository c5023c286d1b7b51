/**
 * Aerie's side through the whole server: `serve.ts` in a process of its own, streams over HTTP as OpenAI's clients ask
 * for them. The client shares the machine with the server, as it does not for the peers; so it reads the socket and
 * looks for the counts of tokens, no more.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ended, type Question, type Setup, type Side, type Stream } from "./side.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const NAME = "bench";
/** Characters of a stream that are looked at again with the next. */
const MAX_KEPT = 500;

/** A running server. */
export class ServerSide implements Side {
  readonly #process: ChildProcess;
  readonly #url: string;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.#url = url;
  }

  /** Resolves when the server is ready. */
  static async start({ modelFile, threads, serverRoot = ROOT }: Setup): Promise<ServerSide> {
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
    const server = spawn(Deno.execPath(), [
      "run",
      "--allow-all",
      join(serverRoot, "serve.ts"),
      ...flags,
      "--disable-radix-cache",
    ], {
      cwd: serverRoot,
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

  async generate({ prompts, numTokens, late }: Question): Promise<Stream[]> {
    const begun = performance.now(), over = Promise.withResolvers<null>();
    const streams = prompts.map((prompt) => this.#stream(prompt, { numTokens, begun, over: over.promise }));
    if (late === undefined) return await Promise.all(streams);
    await new Promise((resolve) => setTimeout(resolve, late.afterMs));
    const last = await this.#stream(late.prompt, { numTokens: 1, begun });
    over.resolve(null);
    return [...await Promise.all(streams), last];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await ended(this.#process);
  }

  /** Leaves when it is `over`. */
  async #stream(
    prompt: readonly number[],
    { numTokens, begun, over = new Promise(() => {}) }: {
      readonly numTokens: number;
      readonly begun: number;
      readonly over?: Promise<null>;
    },
  ): Promise<Stream> {
    const body = JSON.stringify({
      "model": NAME,
      "prompt": prompt,
      "max_tokens": numTokens,
      "temperature": 0,
      "ignore_eos": true,
      "stream": true,
      "stream_options": { "continuous_usage_stats": true },
    });
    const { hostname, port, host } = new URL(this.#url);
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const head = ["POST /v1/completions HTTP/1.1", `Host: ${host}`, "Content-Type: application/json"];
    const request = [...head, `Content-Length: ${body.length}`, "Connection: close", "", body].join("\r\n");
    await connection.writable.getWriter().write(new TextEncoder().encode(request));
    const timesMs: number[] = [], decoder = new TextDecoder(), buffer = new Uint8Array(1 << 16);
    let text = "", left = false;
    over.then(() => left = true);
    for (let size; (size = await Promise.race([connection.read(buffer).catch(() => null), over])) !== null;) {
      const now = performance.now() - begun;
      text += decoder.decode(buffer.subarray(0, size), { stream: true });
      for (const [, count] of text.matchAll(/"completion_tokens":(\d+)\D/g)) {
        while (timesMs.length < Number(count)) timesMs.push(now);
      }
      // A count may lie across two reads, an error is short.
      text = text.slice(-MAX_KEPT);
    }
    if (timesMs.length < numTokens && !left) {
      throw new Error(`Cannot measure the server: it answered ${text}`);
    }
    return { timesMs };
  }
}
