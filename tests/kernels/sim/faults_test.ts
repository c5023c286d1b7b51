/**
 * What the simulator finds in kernels: each fault in a kernel of its own, which is right without it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type SimBuild, simulatorPrograms } from "../../support/sim_programs.ts";

/** Error of the device that a fault leaves behind. */
const LAUNCH_FAILURE = 719, ILLEGAL_ADDRESS = 700, MISALIGNED_ADDRESS = 716;

interface Fault {
  readonly name: string;
  readonly error: number;
  /** What is printed, by name and text. */
  readonly found: RegExp;
}

/** Found in both builds. */
const EVERYWHERE: readonly Fault[] = [
  {
    name: "early_exit",
    error: LAUNCH_FAILURE,
    found:
      /^divergent barrier: kernel early_exit, block \(0,0,0\): threads 0\.\.31 wait in __syncthreads at /,
  },
  {
    name: "two_barriers",
    error: LAUNCH_FAILURE,
    found: /^divergent barrier: .* threads 0\.\.31 wait in \S+ at faults.cu:\d+; threads 32\.\.63 wait /,
  },
  { name: "barrier_in_branch", error: LAUNCH_FAILURE, found: /^missing lane: .* in __syncwarp at faults.cu/ },
  {
    name: "half_shuffle",
    error: LAUNCH_FAILURE,
    found:
      /^missing lane: .* in __shfl_xor_sync at faults.cu:\d+, mask 0xffffffff; threads 16..31 have exited/,
  },
  {
    name: "outside_mask",
    error: LAUNCH_FAILURE,
    found: /^lane outside its mask: .* calls __ballot_sync at faults.cu:\d+ with mask 0xffff$/,
  },
  {
    name: "source_outside_mask",
    error: LAUNCH_FAILURE,
    found: /^missing lane: .* reads from lane 20, which is not in the mask$/,
  },
  {
    name: "active_mask",
    error: LAUNCH_FAILURE,
    found: /^refused operation: .* calls __activemask at faults/,
  },
  { name: "stack_overflow", error: LAUNCH_FAILURE, found: /^stack overflow: kernel deep/ },
  {
    name: "copy_never_waited_for",
    error: LAUNCH_FAILURE,
    found: /^cp.async not waited for: kernel no_wait.* it never waited for its group$/,
  },
  {
    name: "far_beyond_an_allocation",
    error: ILLEGAL_ADDRESS,
    found: /^access out of bounds: kernel copy.* beyond allocation 1 \(400 bytes\)/,
  },
  { name: "after_free", error: ILLEGAL_ADDRESS, found: /^access out of bounds: .*which is in no allocation/ },
  { name: "null_pointer", error: ILLEGAL_ADDRESS, found: /^access out of bounds: .* 0x0, a null pointer/ },
];

/** Found where accesses are checked. */
const CHECKED: readonly Fault[] = [
  {
    name: "race_in_shared_memory",
    error: LAUNCH_FAILURE,
    found:
      /^race: kernel neighbour.* of shared values at faults.cu:\d+, which thread \d+ read, with no barrier/,
  },
  {
    name: "race_of_rounds",
    error: LAUNCH_FAILURE,
    found: /^race: kernel overwrite.* of shared values .*, with no barrier between them$/,
  },
  {
    name: "race_in_a_warp",
    error: LAUNCH_FAILURE,
    found: /^race: kernel lockstep.* of shared sums .* warp /,
  },
  {
    name: "race_of_blocks",
    error: LAUNCH_FAILURE,
    found: /^race: .* writes 4 bytes at byte 0 of allocation 1 .*, which thread 0 of block \d wrote/,
  },
  { name: "race_with_an_atomic", error: LAUNCH_FAILURE, found: /^race: kernel atomic_and_plain/ },
  {
    name: "race_in_global_memory",
    error: LAUNCH_FAILURE,
    found: /^race: kernel half_words.* writes 2 bytes/,
  },
  {
    name: "unwritten_shared",
    error: LAUNCH_FAILURE,
    found: /^read of what nobody wrote: .* byte 0 of shared values at faults.cu:\d+, which nobody wrote$/,
  },
  {
    name: "unwritten_global",
    error: LAUNCH_FAILURE,
    found: /^read of what nobody wrote: .* byte 396 of allocation 1 \(400 bytes\)/,
  },
  { name: "unwritten_copy", error: LAUNCH_FAILURE, found: /^read of what nobody wrote: .* byte 16 of alloc/ },
  {
    name: "beyond_an_allocation",
    error: ILLEGAL_ADDRESS,
    found: /^access out of bounds: .* 0 bytes beyond allocation 1 \(400 bytes\) at faults.cu:\d+$/,
  },
  { name: "beyond_shared", error: LAUNCH_FAILURE, found: /^read of what nobody wrote: kernel shared_index/ },
  {
    name: "beyond_dynamic_shared",
    error: ILLEGAL_ADDRESS,
    found: /^access out of bounds: .* at byte 256 of 256 of dynamic shared memory at faults.cu:\d+$/,
  },
  {
    name: "host_memory_in_a_kernel",
    error: ILLEGAL_ADDRESS,
    found: /^host memory in a kernel: .* byte 0 of pinned allocation \d \(64 bytes\)/,
  },
  {
    name: "stack_of_the_host_in_a_kernel",
    error: ILLEGAL_ADDRESS,
    found: /^host memory in a kernel: .*, memory of the host at faults.cu:\d+$/,
  },
  {
    name: "misaligned_read",
    error: MISALIGNED_ADDRESS,
    found: /^misaligned access: .* uses 16 bytes at byte 8 of allocation 1 .* at faults.cu:\d+$/,
  },
  {
    name: "misaligned_write",
    error: MISALIGNED_ADDRESS,
    found: /^misaligned access: .* uses 16 bytes at byte 4 of allocation 1 .* at faults.cu:\d+$/,
  },
  {
    name: "copy_used_too_early",
    error: LAUNCH_FAILURE,
    found: /^cp.async not waited for: .* of shared values at faults.cu:\d+, to which a cp.async is under way/,
  },
];

async function assertFound(build: SimBuild, { name, error, found }: Fault, seed: string): Promise<void> {
  const lines = await simulatorPrograms.pass(build, name, { AERIE_SIM_SEED: seed });
  assert.equal(lines[0], `error ${error}`, `${build} ${name} ${seed}`);
  assert.equal(lines.length, 2, lines.join("\n"));
  // Other schedules meet the same fault with other threads.
  if (seed === "forward") assert.match(lines[1]!, found);
  assert.equal(lines[1]!.split(":")[0], found.source.slice(1).split(":")[0]!);
}

for (const fault of [...EVERYWHERE, ...CHECKED]) {
  Deno.test(`sim: finds ${fault.name.replaceAll("_", " ")}`, async () => {
    for (const seed of ["forward", "reverse", "7"]) await assertFound("checked", fault, seed);
    if (EVERYWHERE.includes(fault)) await assertFound("plain", fault, "forward");
  });
}
