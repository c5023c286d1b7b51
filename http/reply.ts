/**
 * From a web Response to node:http.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { ServerResponse } from "node:http";
import { setImmediate } from "node:timers";

/** Bytes of a whole body that are handed over at once; a slow reader shows progress by them. */
const PART_BYTES = 65536;

/** Types of bodies whose parts are sent as they come: server-sent events, and lines of JSON. */
const STREAM_TYPES = /^(text\/event-stream|application\/x-ndjson)\b/;

/**
 * Sends a response; resolves when it is handed over or the client has left. A stream is cancelled when that happens, and
 * read no faster than the client does. `res` is left open, so that the caller decides when it ends.
 */
export async function sendReply(response: Response, res: ServerResponse): Promise<void> {
  const headers: Record<string, string> = Object.fromEntries(response.headers);
  const isStream = STREAM_TYPES.test(response.headers.get("Content-Type") ?? "");
  if (response.body === null) {
    // What a GET would have is not known to a HEAD, and a 204 has no length.
    const hasLength = res.req.method !== "HEAD" && response.status !== 204 && response.status !== 304;
    res.writeHead(response.status, hasLength ? { ...headers, "content-length": "0" } : headers);
  } else if (isStream) {
    res.writeHead(response.status, headers);
    await pump(response.body, res);
  } else {
    const bytes = new Uint8Array(await response.arrayBuffer());
    res.writeHead(response.status, { ...headers, "content-length": String(bytes.length) });
    for (let at = 0; at < bytes.length && !res.destroyed; at += PART_BYTES) {
      res.write(bytes.subarray(at, at + PART_BYTES));
      if (res.writableNeedDrain) await drained(res);
    }
  }
}

/** Writes chunks as they come; chunks of one turn of the event loop share a write, which costs more than they do. */
async function pump(body: ReadableStream<Uint8Array>, res: ServerResponse): Promise<void> {
  const reader = body.getReader();
  const left = () => void reader.cancel().catch(() => {});
  res.once("close", left);
  // It may have closed before anybody listened.
  if (res.destroyed) left();
  let parts: Uint8Array[] = [], numBytes = 0;
  const flush = () => {
    if (parts.length === 0 || res.destroyed) return;
    res.write(parts.length === 1 ? parts[0] : Buffer.concat(parts));
    parts = [];
    numBytes = 0;
  };
  for (;;) {
    const { done, value } = await reader.read();
    if (done || res.destroyed) break;
    if (parts.length === 0) atEndOfTurn(flush);
    parts.push(value);
    numBytes += value.length;
    if (numBytes >= PART_BYTES) flush();
    if (res.writableNeedDrain) await drained(res);
  }
  flush();
  res.off("close", left);
}

const endOfTurn: (() => void)[] = [];

/** Runs `action` when what happens now has been dealt with, before the loop waits for anything. */
function atEndOfTurn(action: () => void): void {
  if (endOfTurn.push(action) > 1) return;
  setImmediate(() => {
    for (const action of endOfTurn.splice(0)) action();
  });
}

/** Resolves when there is room again, or the connection is closed. */
function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off("drain", done);
      res.off("close", done);
      resolve();
    };
    res.on("drain", done);
    res.on("close", done);
    if (res.destroyed) done();
  });
}
