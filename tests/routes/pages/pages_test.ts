import { strict as assert } from "node:assert";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { type App, appOf } from "../../support/http.ts";

/** What a page and its files may take on their way, compressed, bytes. */
const maxTransferredBytes = 300_000;

/** Addresses of the files that a page loads, relative to it. */
async function filesOf(app: App, path: string): Promise<string[]> {
  const html = await (await app.request(path)).text();
  return [...new Set([...html.matchAll(/"(ui\/[^"]+)"/g)].map(([, to]) => to!))];
}

Deno.test("pages: the playground and its files have their types, lifetimes and policies", async () => {
  const app = appOf(new FakeGenerator());
  for (const path of ["/", "/ui", "/docs"]) {
    const { status, headers } = await app.request(path);
    assert.equal(status, 200, path);
    assert.equal(headers.get("Content-Type"), "text/html; charset=utf-8");
    assert.equal(headers.get("Cache-Control"), "no-cache");
    assert.equal(headers.get("Cross-Origin-Opener-Policy"), "same-origin");
    const policy = headers.get("Content-Security-Policy")!;
    assert.match(policy, /default-src 'none'; script-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    const types = new Set<string>();
    for (const to of await filesOf(app, path)) {
      const file = await app.request(`/${to}`);
      assert.equal(file.status, 200, to);
      assert.equal(file.headers.get("Cache-Control"), "public, max-age=31536000, immutable");
      assert.equal(file.headers.get("X-Content-Type-Options"), "nosniff");
      assert.equal(file.headers.get("Referrer-Policy"), "no-referrer");
      assert.match(file.headers.get("Vary")!, /Accept-Encoding/);
      types.add(`${to.split(".").at(-1)} ${file.headers.get("Content-Type")}`);
      await file.body?.cancel();
    }
    for (
      const type of ["js text/javascript; charset=utf-8", "css text/css; charset=utf-8", "svg image/svg+xml"]
    ) {
      assert.ok(types.has(type), [...types].join());
    }
  }
});

Deno.test("pages: a client gets the compression that it prefers, or none", async () => {
  const app = appOf(new FakeGenerator()), plain = await (await app.request("/")).text();
  const cases: [accepted: string | undefined, encoding: string | null][] = [
    [undefined, null],
    ["", null],
    ["identity", null],
    ["deflate", null],
    ["gzip", "gzip"],
    ["gzip, deflate, br, zstd", "br"],
    ["GZIP;q=1.0, br;q=0.5", "gzip"],
    ["br;q=0, gzip;q=0", null],
    ["br;q=0, *", "gzip"],
    ["*", "br"],
    ["*;q=0", null],
    ["br;q=x", null],
  ];
  for (const [accepted, encoding] of cases) {
    const headers: Record<string, string> = accepted === undefined ? {} : { "Accept-Encoding": accepted };
    const response = await app.request("/", { headers });
    assert.equal(response.headers.get("Content-Encoding"), encoding, accepted);
    const bytes = new Uint8Array(await response.arrayBuffer());
    assert.equal(response.headers.get("Content-Length"), String(bytes.length), accepted);
    const unpacked = encoding === null
      ? bytes
      : encoding === "br"
      ? brotliDecompressSync(bytes)
      : gunzipSync(bytes);
    assert.equal(new TextDecoder().decode(unpacked), plain, accepted);
    const head = await app.request("/", { method: "HEAD", headers });
    assert.deepEqual([head.status, head.body], [200, null]);
    for (const name of ["Content-Length", "Content-Encoding", "Content-Type", "ETag"]) {
      assert.equal(head.headers.get(name), response.headers.get(name), name);
    }
  }
});

Deno.test("pages: who has a page already is told so", async () => {
  const app = appOf(new FakeGenerator()), etag = (await app.request("/")).headers.get("ETag")!;
  const cases: [known: string, status: number][] = [
    [etag, 304],
    [etag.replace("W/", ""), 304],
    [`"other", ${etag}`, 304],
    ["*", 304],
    ['"other"', 200],
    [etag.replace('"', '"x'), 200],
  ];
  for (const [known, expected] of cases) {
    const { status, headers, body } = await app.request("/", { headers: { "If-None-Match": known } });
    assert.equal(status, expected, known);
    assert.equal(headers.get("ETag"), etag);
    assert.equal(headers.get("Cache-Control"), "no-cache");
    if (expected === 304) assert.deepEqual([body, headers.get("Content-Encoding")], [null, null]);
    await body?.cancel();
  }
});

Deno.test("pages: the playground and its files are small", async (t) => {
  const app = appOf(new FakeGenerator()), headers = { "Accept-Encoding": "gzip" };
  const numBytes = async (path: string) =>
    (await (await app.request(path, { headers })).arrayBuffer()).byteLength;
  let sum = await numBytes("/");
  for (const to of await filesOf(app, "/")) sum += await numBytes(`/${to}`);
  await t.step(`${sum} bytes`, () => {
    assert.ok(sum < maxTransferredBytes, `${sum} bytes with gzip, expected below ${maxTransferredBytes}`);
  });
});

Deno.test("pages: behind a proxy, with its part of the path or without, all addresses lead back", async () => {
  const app = appOf(new FakeGenerator(), { rootPath: "/aerie/one" });
  const cases: [path: string, location: string][] = [
    ["/aerie/one", "/aerie/one/"],
    ["/aerie/one/ui/", "/aerie/one/ui"],
    ["/ui/", "/ui"],
    ["/docs/", "/docs"],
  ];
  for (const [path, location] of cases) {
    const { status, headers } = await app.request(path);
    assert.equal(status, 308, path);
    assert.equal(new URL(headers.get("Location")!, `http://x${path}`).pathname, location);
  }
  for (const path of ["/aerie/one/", "/aerie/one/ui", "/aerie/one/docs", "/", "/ui", "/docs"]) {
    for (const to of await filesOf(app, path)) {
      const file = await app.request(new URL(to, `http://x${path}`).pathname, { method: "HEAD" });
      assert.equal(file.status, 200, `${path} > ${to}`);
    }
  }
});

Deno.test("pages: need no API key, and are for the server's own names only", async () => {
  const app = appOf(new FakeGenerator(), { apiKey: "secret", allowedHosts: [] });
  const [file] = await filesOf(app, "/");
  for (const path of ["/", "/ui", "/ui/", "/docs", "/docs/", "/openapi.json", `/${file}`]) {
    const statusOf = async (host: string) => {
      const response = await app.request(path, { headers: { Host: host } });
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await statusOf("localhost:30000"), path.endsWith("/") && path !== "/" ? 308 : 200, path);
    assert.equal(await statusOf("evil.example"), 403, path);
  }
  for (const path of ["/v1/models", "/ui/x/y", "/uix", "/docs/x", "/openapi.json/"]) {
    assert.equal((await app.request(path)).status, 401, path);
  }
});

Deno.test("pages: open while the server warms up and drains, and count as no errors", async () => {
  const app = appOf(new FakeGenerator(), { isWarmingUp: () => true, isDraining: () => true });
  for (const method of ["GET", "HEAD"]) {
    for (const path of ["/", "/ui", "/docs"]) {
      assert.equal((await app.request(path, { method })).status, 200, `${method} ${path}`);
    }
  }
  const metrics = await (await app.request("/metrics")).text();
  const counts = [...metrics.matchAll(/^aerie:error_replies_total\{.*\} (\S+)$/gm)].map(([, count]) => count);
  assert.ok(counts.length > 0);
  assert.deepEqual(counts.filter((count) => count !== "0"), []);
});

Deno.test("pages: what is not there, or is turned off, is answered as everywhere", async () => {
  const app = appOf(new FakeGenerator()), bare = appOf(new FakeGenerator(), { ui: false });
  const cases: [app: App, path: string][] = [
    [app, "/ui/main.js"],
    [app, "/ui/..%2Fpackages.ts"],
    [bare, "/"],
    [bare, "/ui"],
    [bare, "/docs"],
    [bare, `/${(await filesOf(app, "/"))[0]}`],
  ];
  for (const [app, path] of cases) {
    const response = await app.request(path), { error } = await response.json();
    assert.deepEqual([response.status, error.code], [404, "unknown_url"], path);
  }
  assert.equal((await bare.request("/openapi.json")).status, 200);
  const post = await app.request("/", { method: "POST" });
  assert.deepEqual([post.status, post.headers.get("Allow")], [405, "GET"]);
});
