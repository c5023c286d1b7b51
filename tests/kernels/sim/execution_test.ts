/**
 * How the simulator runs kernels: places of threads, shared memory, warps, atomics, orders.
 *
 * @module
 */
import assert from "node:assert/strict";
import { SCHEDULES, simulatorPrograms } from "../../support/sim_programs.ts";

const BUILDS = ["plain", "checked"] as const;

/** Cases whose results no schedule may change. */
const CASES = [
  "every_thread_knows_its_place",
  "blocks_sum_through_shared_memory_and_shuffles",
  "tiles_are_transposed",
  "dynamic_shared_memory_is_reversed",
  "lanes_exchange_values",
  "lanes_vote",
  "atomics_lose_nothing",
  "bad_launches_are_refused",
];

for (const build of BUILDS) {
  Deno.test(`sim: kernels compute the same under every schedule [${build}]`, async () => {
    for (const name of CASES) {
      for (const schedule of SCHEDULES) {
        assert.deepEqual(await simulatorPrograms.pass(build, name, { AERIE_SIM_SEED: schedule }), [], name);
      }
    }
  });
}

Deno.test("sim: threads run in the order that was asked for, and a seed's order is its own", async () => {
  const order = async (schedule: string) => {
    const [line] = await simulatorPrograms.pass("plain", "order_of_threads", {
      AERIE_SIM_SEED: schedule,
      AERIE_SIM_THREADS: "1",
    });
    return line!.trim().split(" ").map(Number);
  };
  const ascending = Array.from({ length: 256 }, (_, thread) => thread);
  assert.deepEqual(await order("forward"), ascending);
  assert.deepEqual(await order("reverse"), ascending.toReversed());
  const [one, again, two] = [await order("1"), await order("1"), await order("2")];
  assert.deepEqual(one, again);
  assert.notDeepEqual(one, two);
  assert.notDeepEqual(one, ascending);
});
