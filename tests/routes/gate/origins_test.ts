/**
 * @module
 */
import { strict as assert } from "node:assert";
import type { AppOptions } from "../../../routes/generation/context.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf } from "../../support/http.ts";

const generate = { method: "POST", body: JSON.stringify({ text: "x" }) };
const json = { "Content-Type": "application/json" };

/** Status of a request with these headers, and how many generations it started. */
async function ask(
  options: Partial<AppOptions>,
  path: string,
  init: RequestInit & { readonly headers: Record<string, string> },
): Promise<[status: number, numGenerations: number]> {
  const generator = new FakeGenerator();
  const response = await appOf(generator, options).request(path, init);
  await response.body?.cancel();
  return [response.status, generator.seen.length];
}

Deno.test("origins: on a loopback address only local names and those that are allowed are served", async (t) => {
  const options = { allowedHosts: ["Aerie.example", "other.example:8080", "fe80::1"] };
  const cases: [host: string, isServed: boolean][] = [
    ["localhost", true],
    ["LOCALHOST:30000", true],
    ["127.0.0.1:30000", true],
    ["127.8.9.10", true],
    ["[::1]:30000", true],
    ["[::ffff:127.0.0.1]:30000", true],
    ["[::ffff:10.0.0.1]:30000", false],
    ["aerie.example:1", true],
    ["other.example:8080", true],
    ["[fe80::1]:30000", true],
    ["other.example:8081", false],
    ["evil.example", false],
    ["localhost.evil.example", false],
    ["127.0.0.1.evil.example", false],
    ["evil.example#localhost", false],
    ["localhost@evil.example", false],
    ["10.0.0.1", false],
    ["", false],
  ];
  for (const [host, isServed] of cases) {
    await t.step(`host "${host}"`, async () => {
      const headers = { ...json, Host: host };
      const expected = isServed ? [200, 1] : [403, 0];
      assert.deepEqual(await ask(options, "/generate", { ...generate, headers }), expected);
      assert.deepEqual(
        await ask(options, "/health", { headers }),
        [200, 0],
        "probes have names of their own",
      );
      assert.deepEqual(
        await ask({}, "/generate", { ...generate, headers }),
        [200, 1],
        "elsewhere any name is",
      );
    });
  }
});

Deno.test("origins: foreign pages have nothing done", async (t) => {
  const evil = "https://evil.example", page = "https://page.example";
  const cases: [name: string, headers: Record<string, string>, isServed: boolean][] = [
    ["no page", {}, true],
    ["a local page", { Origin: "http://localhost:5173" }, true],
    // As browsers write ::ffff:127.0.0.1.
    ["a local page by a mapped address", { Origin: "http://[::ffff:7f00:1]:5173" }, true],
    ["a page that may", { Origin: page }, true],
    ["a page of this server's name", { Origin: "http://my.example:8", Host: "my.example:8" }, true],
    ["a foreign page", { Origin: evil }, false],
    ["a foreign page that is allowed by prefix only", { Origin: `${page}.evil.example` }, false],
    ["a file or sandbox", { Origin: "null" }, false],
    ["another site that does not say which", { "Sec-Fetch-Site": "cross-site" }, false],
    ["a page that may, of another site", { Origin: page, "Sec-Fetch-Site": "cross-site" }, true],
    ["the address bar", { "Sec-Fetch-Site": "none" }, true],
  ];
  const acts: [path: string, init: RequestInit][] = [
    ["/generate", generate],
    ["/generate", { ...generate, method: "PUT" }],
    ["/abort_request", { method: "POST", body: JSON.stringify({ rid: "x" }) }],
    ["/flush_cache", { method: "POST" }],
    ["/flush_cache", {}],
  ];
  for (const [name, headers, isServed] of cases) {
    await t.step(name, async () => {
      for (const [path, init] of acts) {
        const options = { corsOrigins: [page] };
        const [status, numGenerations] = await ask(options, path, {
          ...init,
          headers: { ...json, ...headers },
        });
        assert.equal(status, isServed ? 200 : 403, path);
        if (!isServed) assert.equal(numGenerations, 0);
        const everyone = await ask({ corsOrigins: ["*"] }, path, {
          ...init,
          headers: { ...json, Origin: evil },
        });
        assert.equal(everyone[0], 200);
      }
      assert.deepEqual(
        await ask({}, "/v1/models", { headers }),
        [200, 0],
        "facts are told, if not shown to pages",
      );
    });
  }
  await t.step("what a form can send does not generate", async () => {
    for (
      const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    ) {
      const headers = { "Content-Type": type };
      assert.deepEqual(await ask({}, "/generate", { ...generate, headers }), [400, 0]);
    }
  });
});

Deno.test("origins: no GET does anything for a foreign page", async () => {
  /** Counts what the engine is asked to do. */
  class Counted extends FakeGenerator {
    numFlushes = 0;
    override flushCache(): Promise<boolean> {
      this.numFlushes++;
      return super.flushCache();
    }
  }
  const document = await (await appOf(new FakeGenerator()).request("/openapi.json")).json();
  const paths = Object.keys(document.paths).filter((path) => document.paths[path].get !== undefined);
  assert.ok(paths.length >= 8, paths.join());
  for (const path of paths) {
    const generator = new Counted();
    const response = await appOf(generator).request(path, { headers: { Origin: "https://evil.example" } });
    await response.body?.cancel();
    assert.deepEqual([generator.seen.length, generator.numFlushes], [0, 0], path);
  }
});

Deno.test("origins: allowed pages get the headers of CORS", async () => {
  const headers = { Origin: "https://page.example", "Access-Control-Request-Method": "POST" };
  for (const corsOrigins of [["https://page.example"], ["*"], []]) {
    const app = appOf(new FakeGenerator(), { corsOrigins });
    const response = await app.request("/generate", { method: "OPTIONS", headers });
    const expected = corsOrigins.length > 0 ? headers.Origin : null;
    assert.equal(response.headers.get("Access-Control-Allow-Origin"), expected);
  }
});
