/**
 * @module
 */
import { strict as assert } from "node:assert";
import { OverloadedError } from "../../../runtime/contracts/errors.ts";
import type { SchedulerState } from "../../../runtime/contracts/scheduler_state.ts";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { idleState } from "../../support/scheduler_states.ts";
import { appOf, post } from "../../support/http.ts";

async function statusOf(generator: FakeGenerator, path: string): Promise<number> {
  const response = await appOf(generator).request(path);
  await response.body?.cancel();
  return response.status;
}

Deno.test("health: every probe follows the generator, and none starts a generation", async () => {
  const generator = new FakeGenerator();
  for (const path of ["/health", "/v1/health", "/ping", "/ready"]) {
    generator.ready = true;
    assert.equal(await statusOf(generator, path), 200, path);
    generator.ready = false;
    assert.equal(await statusOf(generator, path), 503, path);
  }
  assert.equal(generator.seen.length, 0);
});

Deno.test("health: during a pause the server is not ready, and yet nobody is to restart it", async () => {
  const generator = new FakeGenerator();
  await generator.control.pause("in_place");
  assert.deepEqual(
    await Promise.all(["/ready", "/health", "/ping"].map((path) => statusOf(generator, path))),
    [503, 200, 200],
  );
  assert.equal(await statusOf(generator, "/health_generate"), 503);
});

Deno.test("health: until it is warm the server takes no requests, by its probes, and answers them", async () => {
  const lines: string[] = [];
  let isWarm = false;
  const options = { isWarmingUp: () => !isWarm, log: (_: string, line: string) => void lines.push(line) };
  const app = appOf(new FakeGenerator(), options);
  for (const status of [503, 200]) {
    for (const path of ["/health", "/v1/health", "/ready"]) {
      assert.equal((await app.request(path)).status, status, path);
    }
    assert.equal((await app.request("/ping")).status, 200);
    assert.equal((await post(app, "/generate", { text: "Hi" })).status, 200);
    isWarm = true;
  }
  assert.deepEqual(lines, []);
});

Deno.test("health: probes that meet a pause fill no log, those that meet a fault do", async () => {
  const generator = new FakeGenerator(), lines: string[] = [];
  const app = appOf(generator, { log: (_, line) => void lines.push(line) });
  await generator.control.pause("in_place");
  for (const path of ["/ready", "/health_generate"]) assert.equal((await app.request(path)).status, 503);
  assert.deepEqual(lines, []);
  await generator.control.resume();
  generator.ready = false;
  assert.equal((await app.request("/ready")).status, 503);
  assert.match(lines.join(), /Cannot serve: the server is starting or stopping/);
});

Deno.test("health: /health_generate makes one greedy token", async () => {
  const generator = new FakeGenerator(() => [{ tokens: [7], finish: { type: "length", length: 1 } }]);
  assert.equal((await appOf(generator).request("/health_generate")).status, 200);
  const { sampling, requestId } = generator.only.request;
  assert.deepEqual([sampling.temperature, sampling.maxTokens], [0, 1]);
  assert.match(requestId, /^HEALTH_CHECK/);
});

Deno.test("health: /health_generate is 503 without a token", async () => {
  const generator = new FakeGenerator(() => [{ finish: { type: "abort", message: "Aborted" } }]);
  assert.equal((await appOf(generator).request("/health_generate")).status, 503);
});

Deno.test("health: /health_generate of a full server is 200 while forwards end, 503 once they do not", async () => {
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
