/**
 * The runtime that the simulator has: memory, streams, events, graphs, ordered errors, counters; and what it finds of
 * the host's faults.
 *
 * @module
 */
import assert from "node:assert/strict";
import { SCHEDULES, simulatorPrograms } from "../../support/sim_programs.ts";

const BUILDS = ["plain", "checked"] as const;

/** Cases that no schedule may change. */
const CASES = [
  "copies_and_kernels_of_a_stream_are_ordered",
  "events_order_streams",
  "default_stream_is_ordered_with_blocking_ones",
  "pageable_copies_are_staged",
  "staging_used_by_turns",
  "targets_are_used_again_before_the_host_looks",
  "source_becomes_a_target",
  "graph_runs_what_was_captured",
  "graph_forks_and_joins",
  "graph_takes_attributes_when_it_is_made",
  "graph_parameters_are_replaced",
  "capture_refuses",
  "capture_of_a_thread",
];

for (const build of BUILDS) {
  Deno.test(`sim: streams, events and graphs order work under every schedule [${build}]`, async () => {
    for (const name of CASES) {
      for (const schedule of SCHEDULES) {
        assert.deepEqual(await simulatorPrograms.pass(build, name, { AERIE_SIM_SEED: schedule }), [], name);
      }
    }
  });

  for (const name of ["staging_rewritten", "staging_rewritten_after_its_copy"]) {
    Deno.test(`sim: finds ${name.replaceAll("_", " ")} [${build}]`, async () => {
      for (const schedule of SCHEDULES) {
        const lines = await simulatorPrograms.pass(build, name, { AERIE_SIM_SEED: schedule });
        assert.equal(lines[0], "error 719");
        assert.match(
          lines[1]!,
          /^staging rewritten before its copy: the host wrote to byte 28 of pinned allocation 2 \(4000 bytes\) /,
        );
      }
    });
  }

  for (
    const [name, found] of [
      [
        "result_used_too_early",
        /^cuda-sim: result used before it was waited for: .* byte 3996 of pinned alloc/m,
      ],
      [
        "result_used_too_early_with_a_small_stack_for_signals",
        /^cuda-sim: result used before it was waited for: .* byte 12 of pinned alloc/m,
      ],
      [
        "result_used_after_another_wait",
        /^cuda-sim: result used before it was waited for: .* byte 0 of pinned/m,
      ],
      [
        "device_memory_read_by_the_host",
        /^cuda-sim: device memory used by the host: .* byte 12 of allocation 1 /m,
      ],
    ] as const
  ) {
    Deno.test(`sim: finds ${name.replaceAll("_", " ")}, and ends the process [${build}]`, async () => {
      for (const schedule of SCHEDULES) {
        const { signal, stdout, stderr } = await simulatorPrograms.run(build, name, {
          AERIE_SIM_SEED: schedule,
        });
        assert.equal(signal, "SIGSEGV");
        assert.equal(stdout, "");
        assert.match(stderr, found);
      }
    });
  }
}

for (const name of ["copy_beside_a_kernel", "kernels_beside_each_other", "graph_branches_race"]) {
  Deno.test(`sim: finds unordered work under every schedule: ${name.replaceAll("_", " ")}`, async () => {
    for (const schedule of SCHEDULES) {
      const lines = await simulatorPrograms.pass("checked", name, { AERIE_SIM_SEED: schedule });
      assert.equal(lines[0], "error 719");
      assert.match(lines[1]!, /^unordered work: .* of allocation \d+ .*, and nothing orders the two$/);
    }
  });
}

Deno.test("sim: work waits until it is asked for, and asking again and again ends", async () => {
  const [line] = await simulatorPrograms.pass("plain", "work_is_late_and_polling_ends", {
    AERIE_SIM_SEED: "forward",
  });
  const [, polls] = /^polls (\d+)$/.exec(line!)!;
  assert.ok(Number(polls) >= 1);
});

Deno.test("sim: memory has a size, and bad calls get CUDA's errors", async () => {
  await simulatorPrograms.pass("plain", "memory_is_counted_and_checked", {
    AERIE_SIM_MEMORY: String(1 << 20),
  });
});

Deno.test("sim: devices are an sm_80 or an sm_90", async () => {
  assert.deepEqual(
    await simulatorPrograms.pass("plain", "device_properties", { AERIE_SIM_DEVICE: "sm_80" }),
    [
      "1 devices, Aerie simulator sm_80, 8.0, 166912 bytes of shared memory",
    ],
  );
  const two = { AERIE_SIM_DEVICE: "sm_90", AERIE_SIM_DEVICES: "2" };
  assert.deepEqual(await simulatorPrograms.pass("plain", "device_properties", two), [
    "2 devices, Aerie simulator sm_90, 9.0, 232448 bytes of shared memory",
  ]);
});

Deno.test("sim: errors come where they were ordered, and those of kernels stay", async () => {
  await simulatorPrograms.pass("plain", "injected_errors", {
    AERIE_SIM_FAIL: "cudaMalloc:2=2,kernel:chan:2=214",
  });
});

Deno.test("sim: work and the traffic of every buffer are counted", async () => {
  for (const build of BUILDS) {
    const [line] = await simulatorPrograms.pass(build, "work_is_counted", { AERIE_SIM_SEED: "reverse" });
    const { findings, counters, traffic } = JSON.parse(line!);
    assert.deepEqual(findings, []);
    assert.deepEqual(counters, {
      launches: 2,
      graphLaunches: 0,
      graphKernels: 0,
      hostFunctions: 0,
      copiesToDevice: 3,
      bytesToDevice: 4008,
      copiesToHost: 1,
      bytesToHost: 4,
      copiesOnDevice: 0,
      bytesOnDevice: 0,
      memsets: 0,
      bytesSet: 0,
      waits: 4,
    });
    // Values are read by both kernels and written by one; 96 threads add to the sum and read the count.
    const expected = build === "checked"
      ? [{ bytes: 4000, read: 8000, written: 4000 }, { bytes: 4, read: 384, written: 384 }, {
        bytes: 4,
        read: 384,
        written: 0,
      }]
      : [4000, 4, 4].map((bytes) => ({ bytes, read: 0, written: 0 }));
    assert.deepEqual(traffic.map(({ memory: _, ...rest }: Record<string, unknown>) => rest), expected);
  }
});
