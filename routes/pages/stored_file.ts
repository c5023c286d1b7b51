/**
 * A file of a page as it is served: compressed once, cached by its hash.
 *
 * @module
 */
import type { Context } from "hono";
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { once } from "./once.ts";

/** How a body may be compressed, the smallest first. */
const ENCODINGS = ["br", "gzip"] as const;

type Encoding = typeof ENCODINGS[number];

const SAFE = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** A text with its type, ready to be sent. */
export class StoredFile {
  /** The text as UTF-8. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Media type. */
  readonly type: string;
  /** Hexadecimal digits that another text does not have. */
  readonly hash: string;
  readonly #compressed: Readonly<Record<Encoding, () => Promise<Uint8Array<ArrayBuffer>>>>;

  constructor(text: string, type: string) {
    const bytes = new TextEncoder().encode(text);
    this.bytes = bytes;
    this.type = type;
    this.hash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    this.#compressed = {
      // A quality of 11 makes it a twentieth smaller and takes ten times as long, beside generations.
      br: once(async () =>
        new Uint8Array(
          await promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
        )
      ),
      gzip: once(async () => new Uint8Array(await promisify(gzip)(bytes, { level: 9 }))),
    };
  }

  /** Answers a request for the file, or says that the client has it already. */
  async respond(c: Context, headers: Readonly<Record<string, string>>): Promise<Response> {
    const etag = `W/"${this.hash}"`, common = { ...SAFE, ...headers, ETag: etag, Vary: "Accept-Encoding" };
    if (isKnown(c.req.header("If-None-Match"), etag)) return c.body(null, 304, common);
    const encoding = preferredEncoding(c.req.header("Accept-Encoding") ?? "");
    const body = encoding === undefined ? this.bytes : await this.#compressed[encoding]();
    return c.body(body, 200, {
      ...common,
      "Content-Type": this.type,
      "Content-Length": String(body.length),
      ...(encoding !== undefined && { "Content-Encoding": encoding }),
    });
  }
}

function isKnown(known: string | undefined, etag: string): boolean {
  const tags = known?.split(",").map((tag) => tag.trim()) ?? [];
  return tags.some((tag) => tag === "*" || tag.replace(/^(W\/)?/, "W/") === etag);
}

/** The compression that `accept`, a header, ranks highest, of equals the smallest; undefined if it takes none. */
function preferredEncoding(accept: string): Encoding | undefined {
  const qualities = new Map(
    accept.toLowerCase().split(",").map((entry) => {
      const [name, ...parameters] = entry.split(";").map((part) => part.trim());
      const quality = parameters.find((parameter) => parameter.startsWith("q="));
      return [name, quality === undefined ? 1 : Number(quality.slice(2))] as const;
    }),
  );
  const qualityOf = (name: string) => qualities.get(name) ?? qualities.get("*") ?? 0;
  const [best] = ENCODINGS.toSorted((a, b) => qualityOf(b) - qualityOf(a));
  return best !== undefined && qualityOf(best) > 0 ? best : undefined;
}
