import { strict as assert } from "node:assert";
import { FakeGenerator } from "../support/fake_generator.ts";
import { appOf } from "../support/http.ts";

Deno.test("document: every endpoint names the errors that any can answer, in the form they have", async () => {
  const response = await appOf(new FakeGenerator()).request("/openapi.json");
  const { paths } = await response.json();
  const operations = Object.entries<object>(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => ({ name: `${method} ${path}`, responses }))
  );
  assert(operations.length > 10);
  for (const { name, responses } of operations) {
    for (const status of ["400", "401", "403", "413"]) {
      const { description, content } = responses[status];
      assert(description !== "", name);
      assert.equal(content["application/json"].schema.$ref, "#/components/schemas/Error", name);
    }
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
