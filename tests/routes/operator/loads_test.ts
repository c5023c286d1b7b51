/**
 * @module
 */
import { strict as assert } from "node:assert";
import { FakeGenerator } from "../../support/fake_generator.ts";
import { idleState } from "../../support/scheduler_states.ts";
import { type App, appOf } from "../../support/http.ts";

const speculation = { numVerifications: 10, numProposed: 20, numAccepted: 15, acceptedByVerification: [] };

function busyApp(): App {
  const generator = new FakeGenerator();
  generator.state = {
    ...idleState,
    numRunning: 2,
    numWaiting: 3,
    numCompiling: 2,
    numWaitingTokens: 100,
    maxRunningRequests: 8,
    maxTotalTokens: 1000,
    numUsedTokens: 500,
    numPreempted: 1,
    promptTokens: 400,
    cachedTokens: 100,
    lastGenThroughput: 123.4,
    speculation: { ...speculation } as unknown as NonNullable<typeof idleState.speculation>,
  };
  generator.memory = { ...generator.memory, weight: 0.5, kvcache: 0.25, tokenCapacity: 1000 };
  return appOf(generator);
}

async function json(path: string) {
  const response = await busyApp().request(path);
  return { status: response.status, body: await response.json() };
}

Deno.test("loads: /get_load is SGLang's list, which sglang-router adds up", async () => {
  assert.deepEqual((await json("/get_load")).body, [
    { "dp_rank": 0, "num_reqs": 5, "num_waiting_reqs": 3, "num_tokens": 600 },
  ]);
});

Deno.test("loads: /v1/loads has every section by default, and those that are named", async () => {
  const { body } = await json("/v1/loads");
  const [load] = body.loads;
  assert.equal(load.num_total_reqs, 5);
  assert.equal(load.num_total_tokens, 600);
  assert.equal(load.token_usage, 0.5);
  assert.equal(load.cache_hit_rate, 0.25);
  assert.equal(load.num_waiting_uncached_tokens, 75);
  assert.equal(load.total_prefill_uncached_tokens, 300);
  assert.equal(load.utilization, 0.5);
  assert.deepEqual(load.memory, {
    "weight_gb": 0.5,
    "kv_cache_gb": 0.25,
    "graph_gb": 0,
    "token_capacity": 1000,
  });
  assert.deepEqual(load.speculative, { "accept_length": 2.5, "accept_rate": 0.75 });
  assert.deepEqual(load.queues, { waiting: 3, grammar: 2, paused: 0, retracted: 1 });
  assert.deepEqual(load.disaggregation, { mode: "null" });

  const [core] = (await json("/v1/loads?include=core")).body.loads;
  assert.equal(core.num_running_reqs, 2);
  assert.deepEqual([core.memory, core.queues, core.speculative], [undefined, undefined, undefined]);
  for (const query of ["include=", "include=all", "include=&dp_rank="]) {
    assert.deepEqual(Object.keys((await json(`/v1/loads?${query}`)).body.loads[0]), Object.keys(load));
  }
  // What smg asks for.
  const [some] = (await json("/v1/loads?include=core,disagg,queues,memory&dp_rank=0")).body.loads;
  assert.ok(some.memory && some.queues && some.disaggregation && !some.speculative);
});

Deno.test("loads: a section or rank there is not is refused by name", async () => {
  for (const [query, param] of [["include=core,more", "include"], ["dp_rank=1", "dp_rank"]] as const) {
    const { status, body } = await json(`/v1/loads?${query}`);
    assert.deepEqual([status, body.param], [400, param]);
  }
  assert.equal((await json("/v1/loads?format=xml")).status, 400);
});

Deno.test("loads: as Prometheus text the sections' fields carry their names", async () => {
  const response = await busyApp().request("/v1/loads?format=prometheus");
  assert.match(response.headers.get("Content-Type") ?? "", /^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split("\n");
  for (
    const line of [
      "# TYPE sglang_num_running_reqs gauge",
      'sglang_num_running_reqs{dp_rank="0"} 2',
      'sglang_spec_accept_length{dp_rank="0"} 2.5',
      'sglang_queues_waiting{dp_rank="0"} 3',
      'sglang_memory_weight_gb{dp_rank="0"} 0.5',
    ]
  ) assert.ok(lines.includes(line), line);
  assert.ok(!lines.some((line) => line.includes("mode")), "only numbers");
});

Deno.test("loads: a pause holds up what has run, and nothing is generated meanwhile", async () => {
  const generator = new FakeGenerator();
  const paused = { isPaused: true, numRunning: 2, numPreempted: 1, numPaused: 3, lastGenThroughput: 9 };
  generator.state = { ...idleState, ...paused };
  const { loads: [load] } = await (await appOf(generator).request("/v1/loads?include=queues")).json();
  assert.deepEqual([load.queues.paused, load.gen_throughput], [3, 0]);
});
