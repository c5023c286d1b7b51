/**
 * A listener for the time of a test.
 *
 * @module
 */
import { type Handler, Listener, type ListenerOptions } from "../../http/listener.ts";
import { RawClient } from "./raw_client.ts";

/** A listener on a free port, closed at the end of the scope. */
export class Listening implements AsyncDisposable {
  readonly listener: Listener;

  private constructor(listener: Listener) {
    this.listener = listener;
  }

  /** Listens with the server's own limits, where `options` say nothing else. */
  static async open(handler: Handler, options: Partial<ListenerOptions> = {}): Promise<Listening> {
    const listener = await Listener.open({
      host: "127.0.0.1",
      port: 0,
      maxConnections: 50,
      timeoutHeaders: 10,
      timeoutBody: 60,
      timeoutKeepAlive: 75,
      log: () => {},
      ...options,
    }, handler);
    return new Listening(listener);
  }

  /** A client of it. */
  connect(options?: { readonly deaf?: boolean }): Promise<RawClient> {
    return RawClient.connect(this.listener.url, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.close();
  }
}
