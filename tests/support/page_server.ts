/**
 * A server for modules of the page that run without one: their relative addresses lead to it.
 *
 * @module
 */

/** Answers what the page's modules ask for, until it is disposed of. */
export class PageServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #fetch = globalThis.fetch;

  /** `answer` gets every request. */
  constructor(answer: (request: Request) => Response | Promise<Response>) {
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
    const base = `http://127.0.0.1:${this.#server.addr.port}/`;
    globalThis.fetch = (input, init) =>
      this.#fetch(typeof input === "string" ? new URL(input, base) : input, init);
  }

  /** Ends the server: its connections, too. */
  async [Symbol.asyncDispose](): Promise<void> {
    globalThis.fetch = this.#fetch;
    await this.#server.shutdown();
  }
}
