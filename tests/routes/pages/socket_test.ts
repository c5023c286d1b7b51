import { strict as assert } from "node:assert";
import { Buffer } from "node:buffer";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { createApp } from "../../../routes/app.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { until } from "../../support/http.ts";
import { Listening } from "../../support/listening.ts";

Deno.test("pages: on one connection compressed bodies arrive whole, and answers without a body end", async () => {
  const app = createApp(new FakeGenerator(), { streamInterval: 1, enableCacheReport: false });
  const plain = await app.request("/"), html = await plain.text(), etag = plain.headers.get("ETag")!;
  await using server = await Listening.open(app.fetch);
  using client = await server.connect();
  let numRead = 0;
  /** Sends a request and returns status, headers and as much of a body as they announce. */
  const ask = async (method: string, headers: string, hasBody: boolean) => {
    await client.send(`${method} / HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
    const rest = () => client.received.slice(numRead);
    await until(() => rest().includes("\r\n\r\n"));
    const head = rest().slice(0, rest().indexOf("\r\n\r\n") + 4), start = numRead + head.length;
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
    const end = start + (hasBody ? length : 0);
    await until(() => client.received.length >= end);
    numRead = end;
    return { head, length, body: Buffer.from(client.received.slice(start, end), "latin1") };
  };
  const brotli = await ask("GET", "Accept-Encoding: br, gzip\r\n", true);
  assert.match(brotli.head, /^HTTP\/1\.1 200 [^]*^content-encoding: br\r$/m);
  assert.equal(brotliDecompressSync(brotli.body).toString(), html);
  const head = await ask("HEAD", "Accept-Encoding: br\r\n", false);
  assert.match(head.head, /^HTTP\/1\.1 200 /);
  assert.equal(head.length, brotli.length);
  const known = await ask("GET", `If-None-Match: ${etag}\r\n`, false);
  assert.match(known.head, /^HTTP\/1\.1 304 /);
  assert.doesNotMatch(known.head, /transfer-encoding/i);
  const gzip = await ask("GET", "Accept-Encoding: gzip\r\n", true);
  assert.match(gzip.head, /^HTTP\/1\.1 200 [^]*^content-encoding: gzip\r$/m);
  assert.equal(gunzipSync(gzip.body).toString(), html);
  const identity = await ask("GET", "", true);
  assert.equal(identity.body.toString(), html);
  assert.equal(client.received.length, numRead, "nothing follows that was not announced");
});
