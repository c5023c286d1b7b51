/**
 * docs/http_api.md names exactly the endpoints that there are, and the paths that need no key.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { PAGE_PATHS, PROBE_PATHS } from "../../routes/gate/path_kinds.ts";
import { FakeGenerator } from "../support/fake_generator.ts";
import { appOf } from "../support/http.ts";

const page = Deno.readTextFileSync(join(import.meta.dirname!, "..", "..", "docs", "http_api.md"));

/** `METHOD /path` of every endpoint in the first column of a table; several methods or endpoints stand in one row. */
function documented(): string[] {
  const firsts = page.split("\n").filter((line) => /^\| `[A-Z]/.test(line)).map((line) =>
    line.split("|")[1]!
  );
  return firsts.flatMap((first) => [...first.matchAll(/`([A-Z, ]+) (\/[^`]*)`/g)]).flatMap((
    [, methods, path],
  ) => methods!.split(", ").map((method) => `${method} ${path}`));
}

Deno.test("docs/http_api.md has every endpoint, once, and no other", async () => {
  const { paths } = await (await appOf(new FakeGenerator()).request("/openapi.json")).json();
  const served = Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
  );
  const pages = PAGE_PATHS.map((path) => `GET ${path}`);
  assert.deepEqual(documented().toSorted(), [...served, ...pages].toSorted());
});

Deno.test("docs/http_api.md and the document put every endpoint into the same section", async () => {
  const { paths, tags } = await (await appOf(new FakeGenerator()).request("/openapi.json")).json();
  const sections = page.split(/^## /m).slice(1).map((text) => ({ name: text.split("\n")[0]!, text }));
  const known = new Set(sections.map(({ name }) => name));
  assert.deepEqual(tags.filter(({ name }: { readonly name: string }) => !known.has(name)), []);
  for (const [path, methods] of Object.entries<Record<string, { readonly tags?: string[] }>>(paths)) {
    const documented = sections.filter(({ text }) =>
      new RegExp(`\\| .*\`[A-Z, ]+ ${RegExp.escape(path)}\``).test(text)
    );
    for (const { tags } of Object.values(methods)) {
      assert.deepEqual(
        tags,
        documented.map(({ name }) => name),
        path,
      );
    }
  }
});

Deno.test("docs/http_api.md names the paths that need no key, and those that any host may be asked for", () => {
  const sentence = page.replace(/\s+/g, " ");
  const pathsIn = (pattern: RegExp) =>
    [...pattern.exec(sentence)![1]!.matchAll(/`([^`]+)`/g)].map(([, path]) => path);
  assert.deepEqual(pathsIn(/With an API key every path asks for it but (.*?), which also/), PROBE_PATHS);
  assert.deepEqual(pathsIn(/also answer under any `Host`, and the pages, (.*?), which do not/), PAGE_PATHS);
});
