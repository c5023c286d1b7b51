// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf, fault, post } from "../../support/http.ts";

Deno.test("profile: SGLang's body, or none, starts one and says where it will be", async () => {
  const generator = new FakeGenerator();
  const app = appOf(generator);
  const body = {
    output_dir: "night",
    num_steps: 5,
    start_step: 2,
    profile_prefix: "a-",
    activities: ["CPU", "GPU"],
    with_stack: null,
    merge_profiles: false,
  };
  assert.match(await (await post(app, "/start_profile", body)).text(), /\/profiles\/a\.json/);
  for (const method of ["GET", "POST"]) {
    assert.equal((await app.request("/start_profile", { method })).status, 200);
    assert.match(await (await app.request("/stop_profile", { method })).text(), /\/profiles\/a\.json/);
  }
  assert.deepEqual(generator.control.asked, [
    { folder: "night", prefix: "a-", numSkipped: 2, numSteps: 5 },
    {},
    "stop",
    {},
    "stop",
  ]);
});

Deno.test("profile: what cannot be recorded, and a prefix that leads elsewhere, are refused", async () => {
  const app = appOf(new FakeGenerator());
  for (
    const [field, value] of [["with_stack", true], ["profile_prefix", "../a"], ["num_steps", 0]] as const
  ) {
    assert.equal((await fault(app, "/start_profile", { [field]: value })).param, field);
  }
});

Deno.test("profile: a foreign page cannot start one by a link", async () => {
  const generator = new FakeGenerator();
  const headers = { "Sec-Fetch-Site": "cross-site" };
  for (const path of ["/start_profile", "/stop_profile"]) {
    assert.equal((await appOf(generator).request(path, { headers })).status, 403);
  }
  assert.deepEqual(generator.control.asked, []);
});
