/**
 * Raw client: sends any bytes on a bare socket, and closes it at any time.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** A connection to a server. */
export class RawClient implements Disposable {
  /** All that has come, bytes as characters. */
  received = "";
  /** Resolves when the server closes the connection or breaks it. */
  readonly closed: Promise<void>;
  readonly #connection: Deno.TcpConn;
  #changed = Promise.withResolvers<void>();
  #isOver = false;

  private constructor(connection: Deno.TcpConn, isReading: boolean) {
    this.#connection = connection;
    this.closed = isReading ? this.#read() : Promise.resolve();
  }

  /** Connects to the origin of `url`. One that is `deaf` never reads. */
  static async connect(
    url: string,
    { deaf = false }: { readonly deaf?: boolean } = {},
  ): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const host = hostname.replace(/^\[|\]$/g, "");
    return new RawClient(await Deno.connect({ hostname: host, port: Number(port) }), !deaf);
  }

  /** Sends `text`, characters as bytes. Whether the server still takes it is seen elsewhere. */
  async send(text: string): Promise<void> {
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
    try {
      for (let at = 0; at < bytes.length;) at += await this.#connection.write(bytes.subarray(at));
    } catch {
      // The server has closed: `closed` says so.
    }
  }

  /** Closes the sending side only. */
  async endSending(): Promise<void> {
    await this.#connection.closeWrite();
  }

  /** Waits until what has come contains `text`; false if the connection ends before. */
  async receives(text: string): Promise<boolean> {
    while (!this.received.includes(text) && !this.#isOver) await this.#changed.promise;
    return this.received.includes(text);
  }

  /** Status of the first answer that is not an interim one; undefined if none came before the end. */
  async status(): Promise<number | undefined> {
    const final = /HTTP\/1\.1 ([2-5]\d\d) /;
    while (!final.test(this.received) && !this.#isOver) await this.#changed.promise;
    const [, status] = final.exec(this.received) ?? [];
    return status === undefined ? undefined : Number(status);
  }

  /** Leaves. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    try {
      this.#connection.close();
    } catch {
      // It is closed.
    }
  }

  async #read(): Promise<void> {
    const buffer = Buffer.alloc(1 << 16);
    try {
      for (let size; (size = await this.#connection.read(buffer)) !== null;) {
        // A TextDecoder's latin1 is windows-1252, which has other characters for some bytes.
        this.received += buffer.toString("latin1", 0, size);
        this.#notify();
      }
    } catch {
      // Broken is closed too.
    }
    this.#isOver = true;
    this.#notify();
  }

  #notify(): void {
    const changed = this.#changed;
    this.#changed = Promise.withResolvers();
    changed.resolve();
  }
}

/** A POST of JSON whose body is `numBytes` long at least, by spaces that mean nothing. */
export function postOf(
  path: string,
  body: object,
  { numBytes = 0, headers = [] }: { readonly numBytes?: number; readonly headers?: readonly string[] } = {},
): string {
  const text = JSON.stringify(body).padEnd(numBytes, " ");
  const head = [`POST ${path} HTTP/1.1`, "Host: localhost", "Content-Type: application/json", ...headers];
  return [...head, `Content-Length: ${text.length}`, "", text].join("\r\n");
}
