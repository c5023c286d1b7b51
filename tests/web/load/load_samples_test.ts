/** Samples of the load, and the lines that are drawn of them. */
import { strict as assert } from "node:assert";
import { describeChart, gauges, newest } from "../../../web/load/gauges.ts";
import { addSample, lineOf, type LoadSample, readLoads } from "../../../web/load/load_samples.ts";
import { delayAfter } from "../../../web/load/poll_delay.ts";

const sample = (atS: number, own: Partial<LoadSample> = {}): LoadSample => ({
  atS,
  kvUse: 0,
  numRunning: 0,
  numWaiting: 0,
  throughput: 0,
  acceptLength: null,
  ...own,
});

Deno.test("load samples: three minutes are kept", () => {
  const samples = [0, 60, 120, 180, 240].reduce(
    (samples, atS) => addSample(samples, sample(atS)),
    [] as readonly LoadSample[],
  );
  assert.deepEqual(samples.map(({ atS }) => atS), [60, 120, 180, 240]);
});

Deno.test("load samples: a line has a hole where the page was away", () => {
  const samples = [sample(0, { numRunning: 1 }), sample(2, { numRunning: 2 }), sample(60, { numRunning: 3 })];
  assert.deepEqual(lineOf(samples, "numRunning"), [[0, 2, 3, 60], [1, 2, null, 3]]);
});

Deno.test("load samples: without speculation there is no accept length", () => {
  const load = { "token_usage": 0.25, "num_running_reqs": 2, "num_waiting_reqs": 1, "gen_throughput": 80 };
  const expected = sample(7, { kvUse: 0.25, numRunning: 2, numWaiting: 1, throughput: 80 });
  assert.deepEqual(readLoads({ loads: [load] }, 7), expected);
  assert.deepEqual(readLoads({ loads: [{ ...load, speculative: { accept_length: 1.5 } }] }, 7), {
    ...expected,
    acceptLength: 1.5,
  });
});

Deno.test("gauges: numbers are written beside the chart and in its label", () => {
  const samples = [sample(0, { kvUse: 0.5, numRunning: 3 }), sample(2, { kvUse: 0.125, numRunning: 1 })];
  const [kv, running, , , accept] = gauges;
  assert.equal(newest(kv!, samples), "12.5 %");
  assert.equal(describeChart(kv!, samples), "KV pool: 12.5 % now, 50.0 % at most in the last 3 minutes");
  assert.equal(describeChart(running!, samples), "Running: 1 now, 3 at most in the last 3 minutes");
  assert.equal(newest(accept!, samples), "–");
  assert.equal(describeChart(accept!, samples), "Accept length: no values yet");
  assert.equal(newest(kv!, []), "–");
});

Deno.test("load: a server that fails is asked less and less often", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 9].map(delayAfter), [2000, 4000, 8000, 16_000, 30_000, 30_000]);
});
