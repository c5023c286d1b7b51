// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * @module
 */
import { strict as assert } from "node:assert";
import { z } from "zod";
import { OverloadedError } from "../../runtime/errors.ts";
import type { SchedulerState } from "../../runtime/scheduler_state.ts";
import { FakeGenerator } from "../support/fake_generator.ts";
import { answer, appOf, fault } from "../support/http.ts";
import { idleState } from "../support/scheduler_states.ts";

Deno.test("info: /health follows the generator", async () => {
  const generator = new FakeGenerator();
  const app = appOf(generator);
  assert.equal((await app.request("/health")).status, 200);
  generator.ready = false;
  assert.equal((await app.request("/health")).status, 503);
  assert.equal(generator.seen.length, 0);
});

Deno.test("info: /health_generate makes one greedy token", async () => {
  const generator = new FakeGenerator(() => [{ tokens: [7], finish: { type: "length", length: 1 } }]);
  assert.equal((await appOf(generator).request("/health_generate")).status, 200);
  const { sampling, requestId } = generator.only.request;
  assert.deepEqual([sampling.temperature, sampling.maxTokens], [0, 1]);
  assert.match(requestId, /^HEALTH_CHECK/);
});

Deno.test("info: /health_generate is 503 without a token", async () => {
  const generator = new FakeGenerator(() => [{ finish: { type: "abort", message: "Aborted" } }]);
  assert.equal((await appOf(generator).request("/health_generate")).status, 503);
});

Deno.test("info: /health_generate of a full server is 200 while forwards end, 503 once they do not", async () => {
  class FullGenerator extends FakeGenerator {
    stepsToCome = 3;
    #numSteps = 0;

    override schedulerState(): Promise<SchedulerState> {
      if (this.stepsToCome-- > 0) this.#numSteps++;
      return Promise.resolve({ ...idleState, numSteps: this.#numSteps });
    }
  }
  const generator = new FullGenerator(() => [new OverloadedError("Cannot queue request: 0 are waiting")]);
  assert.equal((await appOf(generator).request("/health_generate")).status, 200);
  generator.stepsToCome = 0;
  assert.equal((await appOf(generator).request("/health_generate")).status, 503);
});

Deno.test("info: model and server, under both names", async () => {
  const app = appOf(new FakeGenerator());
  for (const path of ["/get_model_info", "/model_info"]) {
    const info = await (await app.request(path)).json();
    assert.equal(info.model_path, "/models/tiny");
    assert.equal(info.is_generation, true);
  }
  for (const path of ["/get_server_info", "/server_info"]) {
    assert.deepEqual(await (await app.request(path)).json(), {
      host: "127.0.0.1",
      max_total_num_tokens: 4096,
    });
  }
});

Deno.test("info: /flush_cache says whether it did", async () => {
  const generator = new FakeGenerator();
  const app = appOf(generator);
  for (const method of ["GET", "POST"]) {
    generator.flushable = true;
    assert.equal((await app.request("/flush_cache", { method })).status, 200);
    generator.flushable = false;
    assert.equal((await app.request("/flush_cache", { method })).status, 400);
  }
});

Deno.test("info: /abort_request aborts by prefix, or all, but never all by mistake", async () => {
  const generator = new FakeGenerator();
  const app = appOf(generator);
  const schema = z.object({ num_aborted: z.int() });
  assert.deepEqual(await answer(app, "/abort_request", { rid: "chat" }, schema), { num_aborted: 2 });
  await answer(app, "/abort_request", { abort_all: true }, schema);
  await answer(app, "/abort_request", { rid: "", abort_all: true, abort_message: "Enough" }, schema);
  assert.deepEqual(generator.aborted, ["chat", "", ": Enough"]);
  for (const body of [{}, { abort_all: false }]) {
    assert.equal((await fault(app, "/abort_request", body)).param, "rid");
  }
  // SGLang's defaults, written out: no request has this id.
  const defaults = { rid: "", abort_all: false, abort_message: null, finished_reason: null };
  for (const body of [{ rid: "" }, defaults]) {
    assert.deepEqual(await answer(app, "/abort_request", body, schema), { num_aborted: 0 });
  }
  assert.equal(generator.aborted.length, 3);
});
