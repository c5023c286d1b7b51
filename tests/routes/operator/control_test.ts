// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { appOf, fault, post } from "../../support/http.ts";

const settings = "/set_internal_state";

Deno.test("control: a pause has SGLang's modes, abort if none is named", async () => {
  const generator = new FakeGenerator();
  const app = appOf(generator);
  for (const mode of ["abort", "retract", "in_place"]) {
    assert.equal((await (await post(app, "/pause_generation", { mode })).json()).status, "ok");
  }
  await (await app.request("/pause_generation", { method: "POST" })).body?.cancel();
  assert.equal((await post(app, "/pause_generation", { mode: null })).status, 200);
  await (await app.request("/continue_generation", { method: "POST" })).body?.cancel();
  assert.equal((await post(app, "/continue_generation", { torch_empty_cache: true })).status, 200);
  assert.deepEqual(generator.control.asked, [
    { mode: "abort" },
    { mode: "retract" },
    { mode: "in_place" },
    { mode: "abort" },
    { mode: "abort" },
    "resume",
    "resume",
  ]);
  assert.equal((await fault(app, "/pause_generation", { mode: "later" })).param, "mode");
});

Deno.test("control: settings reach the scheduler, or the streams", async () => {
  const generator = new FakeGenerator();
  const app = appOf(generator);
  const server_args = { max_queued_requests: 3, max_step_ms: -1, max_running_requests: 2 };
  const response = await post(app, settings, { server_args });
  assert.deepEqual(await response.json(), [true]);
  await (await post(app, settings, { server_args: { stream_interval: 7 } }, { method: "PUT" })).body
    ?.cancel();
  assert.deepEqual(generator.control.asked, [
    { maxQueuedRequests: 3, maxStepMs: -1, maxRunningRequests: 2 },
  ]);
  assert.equal((await (await app.request("/server_info")).json()).stream_interval, 7);
});

Deno.test("control: a setting that cannot change is refused by name, and nothing changes", async () => {
  const generator = new FakeGenerator();
  const app = appOf(generator);
  const cases: [server_args: object, param: string][] = [
    [{ stream_interval: 3, tp_size: 2 }, "server_args.tp_size"],
    [
      { stream_interval: 3, speculative_accept_threshold_single: 0.5 },
      "server_args.speculative_accept_threshold_single",
    ],
    [{ stream_interval: 3, max_queued_requests: -1 }, "server_args.max_queued_requests"],
    // The batch was made for eight.
    [{ stream_interval: 3, max_running_requests: 9 }, "server_args.max_running_requests"],
  ];
  for (const [server_args, param] of cases) {
    assert.equal((await fault(app, settings, { server_args })).param, param);
  }
  assert.deepEqual(generator.control.asked, []);
  assert.equal((await (await app.request("/server_info")).json()).stream_interval, 1);
});

Deno.test("control: /get_internal_state lists the states of /server_info", async () => {
  const generator = new FakeGenerator();
  generator.info = { internal_states: [{ num_running: 3 }] };
  assert.deepEqual(await (await appOf(generator).request("/get_internal_state")).json(), [{
    num_running: 3,
  }]);
});
