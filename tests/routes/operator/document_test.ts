import { strict as assert } from "node:assert";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf } from "../../support/http.ts";

Deno.test("document: every endpoint names the errors that any can answer, in the form they have", async () => {
  const response = await appOf(new FakeGenerator()).request("/openapi.json");
  const { paths } = await response.json();
  const operations = Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => ({ path, name: `${method} ${path}`, responses }))
  );
  assert(operations.length > 10);
  for (const { path, name, responses } of operations) {
    for (const status of ["400", "401", "403", "413"]) {
      const { description, content } = responses[status];
      assert(description !== "", name);
      assert.equal(content["application/json"].schema.$ref, `#/components/schemas/${errorOf(path)}`, name);
    }
  }
});

/** Name of the schema of an endpoint's errors. */
function errorOf(path: string): string {
  if (path.startsWith("/v1/messages")) return "AnthropicError";
  return path.startsWith("/api/") ? "OllamaError" : "Error";
}

Deno.test("document: what a request may leave out may be null there, settings aside", async () => {
  const response = await appOf(new FakeGenerator()).request("/openapi.json");
  const { components: { schemas } } = await response.json();
  const requests = Object.entries<ObjectSchema>(schemas).filter(([name]) =>
    /(Request|Message|SamplingParams)$/.test(name)
  );
  assert(requests.length > 10);
  for (const [name, { properties, required = [] }] of requests) {
    const strict = Object.keys(properties).filter((field) => !isNullable(properties[field]!));
    assert.deepEqual(strict.filter((field) => !required.includes(field)), [], name);
  }
});

Deno.test("document: an endpoint's own words for an error stay", async () => {
  const response = await appOf(new FakeGenerator()).request("/openapi.json");
  const { paths } = await response.json();
  const { responses } = paths["/v1/completions"].post;
  assert.match(responses["429"].description, /Retry-After/);
  assert.equal(responses["429"].content["application/json"].schema.$ref, "#/components/schemas/Error");
  assert.match(responses["200"].description, /continuations/);
});

Deno.test("document: with a key, it says which operations ask for it", async () => {
  const documentOf = async (options: { readonly apiKey?: string }) =>
    await (await appOf(new FakeGenerator(), options).request("/openapi.json")).json();
  const { paths, components } = await documentOf({ apiKey: "secret" });
  const { type, scheme } = components.securitySchemes.apiKey;
  assert.deepEqual([type, scheme], ["http", "bearer"]);
  assert.deepEqual(paths["/generate"].put.security, [{ apiKey: [] }]);
  assert.deepEqual(paths["/v1/models"].get.security, [{ apiKey: [] }]);
  assert.equal(paths["/health"].get.security, undefined);
  const open = await documentOf({});
  assert.equal(open.components.securitySchemes, undefined);
  assert.equal(open.paths["/generate"].put.security, undefined);
});

interface ObjectSchema {
  readonly properties: Readonly<Record<string, FieldSchema>>;
  readonly required?: readonly string[];
}

interface FieldSchema {
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly FieldSchema[];
  readonly oneOf?: readonly FieldSchema[];
}

function isNullable({ type = [], anyOf = [], oneOf = [] }: FieldSchema): boolean {
  return [type].flat().includes("null") || [...anyOf, ...oneOf].some(isNullable);
}
