/**
 * @module
 */
import { strict as assert } from "node:assert";
import { anthropicModel } from "../../../routes/schema/anthropic_answer.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf } from "../../support/http.ts";

Deno.test("anthropic: a client that sends the version of its API gets its form of the models", async () => {
  const app = appOf(new FakeGenerator()), headers = { "anthropic-version": "2023-06-01" };
  const list = await (await app.request("/v1/models", { headers })).json();
  assert.deepEqual([list.first_id, list.last_id, list.has_more], ["org/tiny", "org/tiny", false]);
  const [model] = list.data;
  assert.deepEqual(anthropicModel.strict().parse(model), model);
  assert.deepEqual(await (await app.request("/v1/models/org/tiny", { headers })).json(), model);
  assert.deepEqual(await (await app.request("/v1/models/org%2Ftiny", { headers })).json(), model);
  assert.equal((await app.request("/v1/models/other", { headers })).status, 404);
  assert.equal((await (await app.request("/v1/models")).json()).object, "list");
});
