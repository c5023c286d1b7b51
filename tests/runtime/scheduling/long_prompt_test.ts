/**
 * Long prompts beside streams, on machines of any speed: neither keeps the other waiting.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { SchedulerConfig } from "../../../runtime/contracts/config.ts";
import type { Step } from "../../../runtime/scheduling/state.ts";
import { stepBoundMs, stepMs } from "../../../runtime/step_time/step_time.ts";
import { World } from "../../support/scheduler_world.ts";

const PAGE_SIZE = 16;
const sizes = {
  numPages: 2048,
  pageSize: PAGE_SIZE,
  contextLength: 16_384,
  chunkedPrefillSize: 256,
  maxRows: 300,
  maxRunningRequests: 16,
  maxStepMs: 100,
};
/** Steps with prompts in which a machine is got to know. */
const NUM_LESSONS = 12;

/** Milliseconds of a forward and of its rows and tokens seen. */
interface Machine {
  readonly fixedMs: number;
  readonly rowMs: number;
  readonly seenMs: number;
}

/** About the default model on two cores. */
const twoCores: Machine = { fixedMs: 3.5, rowMs: 0.6, seenMs: 0.0007 };

const tokens = (seed: number, count: number) =>
  Array.from({ length: count }, (_, i) => 1 + (seed + i) % 60_000);

function worldOf({ fixedMs, rowMs, seenMs }: Machine, config: Partial<SchedulerConfig> = {}): World {
  const world = new World({ ...sizes, ...config });
  world.forwardMs = (numRows, numSeen) => fixedMs + rowMs * numRows + seenMs * numSeen;
  return world;
}

/** Streams that run when a prompt comes; resolves the steps that have both in them, each with what it took. */
function runBeside(
  world: World,
  { numStreams, numPromptTokens, numStreamTokens = 4000 }: {
    readonly numStreams: number;
    readonly numPromptTokens: number;
    readonly numStreamTokens?: number;
  },
): { step: Step; ms: number; plannedMs: number; boundMs: number }[] {
  for (let i = 0; i < numStreams; i++) {
    world.submit(`stream ${i}`, tokens(100 * i, 6), { maxTokens: numStreamTokens, ignoreEos: true });
  }
  for (let i = 0; i < 10; i++) world.step();
  world.submit("long", tokens(7, numPromptTokens), { maxTokens: 4, ignoreEos: true });
  const mixed = [];
  while (world.client("long").tokens.length === 0) {
    const step = world.begin()!, { stepTimes, forwardMs: before } = world.state;
    const plannedMs = stepMs(stepTimes, step.work);
    const boundMs = stepBoundMs(stepTimes, step.work.decode, world.config.maxStepMs ?? Infinity);
    assert.equal(step.numDecoding, numStreams, "every stream is in every step");
    assert.equal(step.numPrefilling, 1, "the prompt is in every step");
    world.end();
    mixed.push({ step, ms: world.state.forwardMs - before, plannedMs, boundMs });
  }
  return mixed;
}

Deno.test("a step with a long prompt takes no longer than is allowed, the prompt gets most of it", () => {
  const mixed = runBeside(worldOf(twoCores), { numStreams: 4, numPromptTokens: 8000 });
  for (const { step, ms, plannedMs, boundMs } of mixed) {
    assert.equal(boundMs, 100);
    assert.ok(plannedMs <= boundMs || step.numPrefillRows === 1, `${plannedMs}`);
    assert.ok(ms <= 130, `a step of ${step.numPrefillRows} rows took ${ms} ms`);
  }
  const rows = mixed.map(({ step }) => step.numPrefillRows);
  assert.ok(Math.max(...rows) >= 112 && rows.at(-2)! <= 32, `chunks shrink as the context grows: ${rows}`);
  const all = mixed.reduce((sum, { ms }) => sum + ms, 0), plain = mixed.length * (3.5 + 4 * 0.6);
  assert.ok((all - plain) / all > 0.75, "the prompt's share");
});

Deno.test("without streams, and without a bound, chunks stay whole", () => {
  const alone = worldOf(twoCores);
  runBeside(alone, { numStreams: 0, numPromptTokens: 2000 });
  const chunks = alone.steps.map(({ numPrefillRows }) => numPrefillRows);
  assert.deepEqual(chunks, [...new Array(7).fill(256), 208]);
  const { maxStepMs: _, ...unbounded } = { ...sizes };
  const world = new World(unbounded);
  world.forwardMs = () => 1000;
  const beside = runBeside(world, { numStreams: 2, numPromptTokens: 2000 });
  assert.deepEqual(beside.map(({ step }) => step.numPrefillRows), [...new Array(7).fill(256), 208]);
});

Deno.test("on any machine: planned steps keep the bound, real ones soon, the prompt has its quarter, texts are equal", () => {
  const machines = fc.record({
    fixedMs: fc.double({ min: 0.5, max: 300, noNaN: true }),
    // From compute that costs as much as reading the weights, to so much of it that a hundred rows are free.
    rowsPerFixed: fc.double({ min: 1, max: 100, noNaN: true }),
    seenPerRow: fc.double({ min: 200, max: 20_000, noNaN: true }),
  }).map(({ fixedMs, rowsPerFixed, seenPerRow }) => {
    const rowMs = fixedMs / rowsPerFixed;
    return { fixedMs, rowMs, seenMs: rowMs / seenPerRow };
  });
  fc.assert(
    fc.property(
      machines,
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 600, max: 5000 }),
      (machine, numStreams, numPromptTokens) => {
        const world = worldOf(machine);
        const mixed = runBeside(world, { numStreams, numPromptTokens });
        let promptAll = 0, all = 0;
        mixed.forEach(({ step, ms, plannedMs, boundMs }, i) => {
          const isLeast = step.numPrefillRows === 1;
          assert.ok(plannedMs <= boundMs * (1 + 1e-9) || isLeast, `planned ${plannedMs} of ${boundMs}`);
          const { decode } = step.work;
          const plainMs = machine.fixedMs + machine.rowMs * decode.numRows + machine.seenMs * decode.numSeen;
          const allowedMs = Math.max(100, 8 * plainMs);
          if (i >= NUM_LESSONS) {
            assert.ok(ms <= 1.7 * allowedMs || isLeast, `${ms} of ${allowedMs}, step ${i}`);
          }
          const isCut = step.numPrefillRows < sizes.chunkedPrefillSize && i < mixed.length - 1;
          if (i < NUM_LESSONS || !isCut) return;
          promptAll += ms - plainMs;
          all += ms;
        });
        assert.ok(promptAll >= all / 4, `${promptAll} of ${all}`);
        world.cancel("long");
        for (let i = 0; i < numStreams; i++) {
          const { prompt, tokens } = world.client(`stream ${i}`);
          assert.deepEqual(tokens, world.truth(prompt, tokens.length));
        }
        const { prompt, tokens: said } = world.client("long");
        assert.deepEqual(said, world.truth(prompt, said.length));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("a first estimate that is much too slow does not stall a prompt, one that is too fast no stream", () => {
  for (const factor of [20, 1 / 20]) {
    const world = worldOf(twoCores);
    const { forwardMs } = world;
    world.forwardMs = (...work) => factor * forwardMs(...work);
    runBeside(world, { numStreams: 2, numPromptTokens: 1500 });
    world.drain();
    world.forwardMs = forwardMs;
    world.submit("again 0", tokens(900, 6), { maxTokens: 4000, ignoreEos: true });
    world.step();
    world.submit("again", tokens(17, 4000), { maxTokens: 1 });
    const rows: number[] = [];
    while (world.client("again").tokens.length === 0) {
      const before = world.state.forwardMs;
      rows.push(world.step()!.numPrefillRows);
      if (rows.length > 8) assert.ok(world.state.forwardMs - before < 150);
    }
    assert.ok(Math.max(...rows.slice(0, 12)) >= 64, `${rows}`);
  }
});

Deno.test("prompts that come one after another beside streams all get on, in the order they came", () => {
  const world = worldOf(twoCores, { maxRunningRequests: 8 });
  world.submit("stream", tokens(0, 6), { maxTokens: 3000, ignoreEos: true });
  for (let i = 0; i < 5; i++) world.step();
  for (let i = 0; i < 5; i++) {
    world.submit(`p${i}`, tokens(1000 * i + 50, 700), { maxTokens: 2, ignoreEos: true });
  }
  const order: string[] = [];
  for (let i = 0; i < 300 && order.length < 5; i++) {
    const before = world.state.forwardMs;
    const step = world.step()!;
    if (i > 5) assert.ok(world.state.forwardMs - before <= 130);
    assert.ok(step.forward.segments.some(({ requestId }) => requestId === "stream"));
    for (let p = order.length; p < 5 && world.client(`p${p}`).tokens.length > 0; p++) order.push(`p${p}`);
  }
  assert.deepEqual(order, ["p0", "p1", "p2", "p3", "p4"]);
});
