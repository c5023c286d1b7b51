/**
 * Reads request bodies within bounds: of one, and of all that are held at once.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import { AerieError, MIN_RETRY_MS } from "../../runtime/contracts/errors.ts";

/** Bytes of all bodies that are being read or tokenised, at most. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/** Where a context keeps how its body is released. */
const RELEASE = "releaseBody";

/**
 * Reads the body of every request that comes this far. A body counts from its first byte until its generations are
 * submitted ({@linkcode releaseBody}) or it is answered.
 *
 * @param maxBytes of one body
 */
export function readBody(maxBytes: number): MiddlewareHandler {
  const maxHeldBytes = Math.max(MAX_HELD_BYTES, maxBytes);
  let heldBytes = 0;
  return async (c, next) => {
    const { body } = c.req.raw;
    if (body === null) return await next();
    if (Number(c.req.header("Content-Length") ?? 0) > maxBytes) refuseSize(maxBytes);
    let ownBytes = 0;
    const release = () => {
      heldBytes -= ownBytes;
      ownBytes = 0;
    };
    c.set(RELEASE, release);
    try {
      const text = await readText(body, (numBytes) => {
        ownBytes += numBytes;
        heldBytes += numBytes;
        if (ownBytes > maxBytes) refuseSize(maxBytes);
        if (heldBytes > maxHeldBytes) refuseForNow();
      });
      // Declared as text, kept as a promise of it.
      Object.assign(c.req.bodyCache, { text: Promise.resolve(text) });
      await next();
    } finally {
      release();
    }
  };
}

/** The body of a request is tokens by now: it no longer counts. */
export function releaseBody(c: Context): void {
  c.get(RELEASE)?.();
}

/** Calls `count` with the length of every chunk; where that throws, the rest of the stream stays unread. */
async function readText(
  body: ReadableStream<Uint8Array>,
  count: (numBytes: number) => void,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    count(chunk.length);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function refuseSize(maxBytes: number): never {
  throw new AerieError("payload_too_large", `Cannot read body: it is larger than ${maxBytes} bytes`, {
    param: "body",
  });
}

function refuseForNow(): never {
  throw new AerieError("unavailable", "Cannot read body: the server holds too many at once", {
    param: "body",
    retryAfterMs: MIN_RETRY_MS,
  });
}
