/**
 * @module
 */
import { strict as assert } from "node:assert";
import { schedulerMetrics } from "../../../runtime/metrics/scheduler_metrics.ts";
import { readExposition, valueOf } from "../../support/exposition.ts";
import { idleState } from "../../support/scheduler_states.ts";

const facts = {
  servedModelName: 'a "quoted"\\name',
  contextLength: 100,
  pageSize: 16,
  weightBytes: 2 ** 30,
  kvBytes: 2 ** 29,
};

const speculation = {
  numVerifications: 10,
  numProposed: 16,
  numAccepted: 9,
  proposedHistogram: [10, 6],
  acceptedHistogram: [4, 3, 3],
};

async function read(change: Partial<typeof idleState>) {
  return readExposition(await schedulerMetrics({ ...idleState, ...change }, facts));
}

Deno.test("gauges are SGLang's", async () => {
  const families = await read({
    numRunning: 2,
    numCompiling: 5,
    maxRunningRequests: 4,
    maxTotalTokens: 160,
    numUsedTokens: 64,
    numPages: 10,
    numFreePages: 3,
    numEvictablePages: 3,
    promptTokens: 80,
    cachedTokens: 20,
    lastGenThroughput: 33,
  });
  const expected = {
    "sglang:num_running_reqs": 2,
    "sglang:num_grammar_queue_reqs": 5,
    "sglang:num_used_tokens": 64,
    "sglang:kv_available_tokens": 48,
    "sglang:kv_evictable_tokens": 48,
    "sglang:token_usage": 0.4,
    "sglang:max_total_num_tokens": 160,
    "sglang:utilization": 0.5,
    "sglang:cache_hit_rate": 0.25,
    "sglang:gen_throughput": 33,
    "sglang:weight_memory_usage_gb": 1,
  };
  const names = Object.keys(expected);
  assert.deepEqual(Object.fromEntries(names.map((name) => [name, valueOf(families, name)])), expected);
});

Deno.test("an idle or paused scheduler generates nothing, whatever its last interval was", async () => {
  assert.equal(valueOf(await read({ lastGenThroughput: 33 }), "sglang:gen_throughput"), 0);
  const paused = await read({ numRunning: 2, isPaused: true, numPaused: 3, lastGenThroughput: 33 });
  assert.equal(valueOf(paused, "sglang:gen_throughput"), 0);
  assert.equal(valueOf(paused, "sglang:num_paused_reqs"), 3);
});

Deno.test("drafts are counted by depth: accepted are as many as verifications got that far", async () => {
  const families = await read({ speculation });
  const at = (name: string, depth: string) => valueOf(families, name, { depth });
  for (const [depth, proposed, accepted] of [["1", 10, 6], ["2", 6, 3]] as const) {
    assert.equal(at("aerie:draft_tokens_proposed_total", depth), proposed);
    assert.equal(at("aerie:draft_tokens_accepted_total", depth), accepted);
  }
  assert.equal(valueOf(families, "sglang:spec_accept_length"), 1.9);
  const recent = { ...speculation, numVerifications: 2, numProposed: 4, numAccepted: 1 };
  const later = await read({ speculation, lastSpeculation: recent });
  assert.equal(valueOf(later, "sglang:spec_accept_length"), 1.5);
  assert.equal(valueOf(later, "sglang:spec_accept_rate"), 0.25);
});

Deno.test("without speculation nothing is said of it", async () => {
  const families = await read({});
  for (const name of ["sglang:spec_accept_length", "aerie:draft_tokens_proposed_total"]) {
    assert.deepEqual(families.get(name)?.samples, []);
  }
});

Deno.test("step time divides into phases", async () => {
  const families = await read({
    numSteps: 5,
    numPrefillSteps: 2,
    numDrafts: 1,
    forwardMs: 5000,
    prefillForwardMs: 3000,
    draftMs: 500,
    commitMs: 1,
  });
  const byPhase = (name: string) =>
    Object.fromEntries(
      ["draft", "decode", "prefill", "commit"].map((phase) => [phase, valueOf(families, name, { phase })]),
    );
  assert.deepEqual(byPhase("aerie:step_seconds_total"), { draft: 0.5, decode: 2, prefill: 3, commit: 0.001 });
  assert.deepEqual(byPhase("aerie:steps_total"), { draft: 1, decode: 3, prefill: 2, commit: 5 });
});
