/**
 * Forwards of a tiny target as the verifier runs them: written, launched, waited for, read.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Context } from "../../../ffi/context.ts";
import type { ContextId } from "../../../ffi/handles.ts";
import { systemClock } from "../../../runtime/actor/clock.ts";
import type { VerifierConfig } from "../../../runtime/contracts/config.ts";
import { chainOf } from "../../../runtime/contracts/draft_tree.ts";
import { defaultSamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import type { Segment } from "../../../runtime/messages/scheduler_verifier.ts";
import { type TargetForward, TargetRunner } from "../../../runtime/models/target_runner.ts";
import { SequenceSampling } from "../../../runtime/sampling/sequence_sampling.ts";
import { Verification } from "../../../runtime/speculation/verification.ts";
import { forgetCounts, simCounts, simulatorPath } from "../../support/cuda_sim.ts";
import { referenceWeights, verifierConfig, withTinyCheckpoint } from "../../support/models.ts";
import { llamaLogits } from "../../support/reference.ts";
import { SimulatedClock } from "../../support/simulated_clock.ts";

const PROMPT = Int32Array.from({ length: 19 }, (_, i) => (i * 31 + 5) % 300);
const GREEDY = new SequenceSampling({
  requestId: "r",
  sampling: { ...defaultSamplingParams, temperature: 0, numLogprobs: 20 },
  tokens: PROMPT,
  numPromptTokens: PROMPT.length,
}, []);

async function withRunner(
  change: Partial<VerifierConfig>,
  body: (runner: TargetRunner, checkpoint: VerifierConfig["checkpoint"], lines: readonly string[]) => void,
): Promise<void> {
  await withTinyCheckpoint({ kind: "gguf", seed: 21 }, (checkpoint) => {
    const lines: string[] = [];
    const actor = { log: (_: string, line: string) => void lines.push(line), clock: systemClock };
    using runner = new TargetRunner(verifierConfig(checkpoint, change), actor);
    body(runner, checkpoint, lines);
  });
}

function forwardOf(...segments: (Partial<Segment> & Pick<Segment, "tokens">)[]): TargetForward {
  const whole = segments.map((segment) => ({
    requestId: "r",
    start: 0,
    pages: Int32Array.of(4, 9),
    sample: true,
    ...segment,
  }));
  return new Verification(whole, () => GREEDY, { pageSize: 16 });
}

/** The most probable token after each of `tokens`, by the reference. */
function greedyTokens(checkpoint: VerifierConfig["checkpoint"], tokens: Int32Array): number[] {
  const logits = llamaLogits(checkpoint.config, referenceWeights(checkpoint), [...tokens]);
  return logits.map((row) => row.indexOf(Math.max(...row)));
}

Deno.test("a forward draws every output, segments and nodes of a tree", () =>
  withRunner({}, (runner, checkpoint) => {
    const expected = greedyTokens(checkpoint, PROMPT), drafts = PROMPT.subarray(12);
    runner.run(forwardOf({ tokens: PROMPT.subarray(0, 5), pages: Int32Array.of(1) }, {
      tokens: PROMPT.subarray(0, 12),
      tree: chainOf(drafts, new Float32Array(drafts)),
    }));
    const drawn = Array.from({ length: 2 + drafts.length }, (_, output) => runner.sampler.tokenAt(output));
    assert.deepEqual(drawn, [expected[4], ...expected.slice(11)]);
  }));

Deno.test("a copied slot serves as the one it was copied from, hidden states included", () =>
  withRunner({ featureLayers: [1] }, (runner) => {
    const next = () => {
      runner.run(forwardOf({ tokens: Int32Array.of(7), start: PROMPT.length, pages: Int32Array.of(2, 5) }));
      return runner.sampler.logprobAt(0, { numTop: 20 });
    };
    const slots = Int32Array.from(PROMPT, (_, i) => i), numFirst = 16;
    runner.run(forwardOf({ tokens: PROMPT, pages: Int32Array.of(2, 5) }));
    const expected = next();
    runner.run(forwardOf({ tokens: PROMPT, pages: Int32Array.of(4, 9) }));
    const from = slots.map((i) => (i < numFirst ? 4 : 9) * 16 + i % 16);
    const to = slots.map((i) => (i < numFirst ? 2 : 5) * 16 + i % 16);
    // Another text's KV first, then the right one again.
    runner.run(forwardOf({ tokens: PROMPT.toReversed(), pages: Int32Array.of(2, 5) }));
    assert.notDeepEqual(next(), expected);
    runner.copySlots({ from, to });
    assert.deepEqual(next(), expected);
    runner.copySlots({ from: new Int32Array(0), to: new Int32Array(0) });
  }));

Deno.test("threads are those that trials find fastest, if they may be fewer", async () => {
  const backendAfter = async (mayUseFewerThreads: boolean, ms: number[]) => {
    let backend = "", numTrials = 0;
    await withRunner({ threads: 4, mayUseFewerThreads }, (runner) => {
      // Trials of 4, 2 and 1 threads, seven each.
      runner.calibrateThreads(() => ms[Math.floor(numTrials++ / 7)]!);
      backend = runner.info.backend;
      runner.run(forwardOf({ tokens: PROMPT }));
    });
    return [/\d+ threads?/.exec(backend)![0], numTrials];
  };
  assert.deepEqual(await backendAfter(true, [9, 2, 5]), ["2 threads", 21]);
  assert.deepEqual(await backendAfter(true, [2, 2, 2]), ["4 threads", 21]);
  assert.deepEqual(await backendAfter(false, []), ["4 threads", 0]);
});

Deno.test("a sequence has as many slots as its pages, or the pool, if that is smaller", async () => {
  await withRunner({ maxTotalTokens: 64 }, ({ slotsPerSequence }) => assert.equal(slotsPerSequence, 64));
  const sizes = { maxTotalTokens: 1024, contextLength: 100, maxNodes: 7 };
  await withRunner(sizes, ({ slotsPerSequence }) => assert.equal(slotsPerSequence, 112));
});

Deno.test("the forward is recorded under SGLang's log lines, after the model's", () =>
  withRunner({}, (_runner, _checkpoint, lines) => {
    const begin = lines.findIndex((line) =>
      line.startsWith("Capture cuda graph begin. This records the for")
    );
    assert.ok(begin > 0 && lines[begin - 1]!.startsWith("Memory pool end."));
    assert.match(lines[begin + 1]!, /^Capture cuda graph end\. Time elapsed: \d+\.\d\d s\.$/);
  }));

Deno.test("times are the clock's, of a trial too", () =>
  withTinyCheckpoint({ kind: "gguf", seed: 21 }, (checkpoint) => {
    const clock = new SimulatedClock();
    using runner = new TargetRunner(verifierConfig(checkpoint), { log: () => {}, clock });
    assert.equal(runner.run(forwardOf({ tokens: PROMPT })), 0);
    assert.equal(runner.runTrial(forwardOf({ tokens: PROMPT })), 0);
  }));

Deno.test({
  name: "the log tells what a device's memory is used for, all that is gone",
  ignore: simulatorPath === undefined,
  async fn() {
    const device = { device: "cuda-sim", libraryPath: simulatorPath!, maxTotalTokens: 65536 } as const;
    // Other tests of this process may have left some of the device's memory taken.
    const freeBefore = freeMemory();
    await withRunner({ ...device, kvDtype: "float32", featureLayers: [1] }, (runner, _, lines) => {
      const line = lines.find((line) => line.startsWith("Memory of the target: "));
      const [whole, ...uses] = [...line!.matchAll(/: (\d+\.\d{3}) GB/g)].map(([, size]) => Number(size));
      const { kBytes, vBytes, featureBytes } = runner.info, gigabytes = (bytes: number) => bytes / 2 ** 30;
      assert.equal(uses.length, 4, line);
      assert.ok(Math.abs(uses.reduce((sum, size) => sum + size) - whole!) <= 0.003, line);
      assert.ok(Math.abs(uses[1]! - gigabytes(kBytes + vBytes)) <= 0.00051 && uses[1]! > 0.03, line);
      assert.ok(Math.abs(uses[2]! - gigabytes(featureBytes)) <= 0.00051 && uses[2]! > 0.005, line);
      const context = Context.attach(simulatorPath!, runner.info.handles.context as ContextId);
      assert.ok(Math.abs(whole! - gigabytes(freeBefore - context.memory().freeBytes)) <= 0.001, line);
    });
  },
});

Deno.test({
  name: "a step runs as a captured graph as long as its sequences and trees fit, and as ops beyond",
  ignore: simulatorPath === undefined,
  async fn() {
    const device = { device: "cuda-sim", libraryPath: simulatorPath!, maxNodes: 3 } as const;
    const tokens = PROMPT.subarray(0, 1);
    const segments = Array.from({ length: 3 }, (_, i) => ({ tokens, pages: Int32Array.of(i + 1, i + 5) }));
    const tree = chainOf(PROMPT.subarray(1, 4), new Float32Array(3));
    const steps: [TargetForward, boolean][] = [
      [forwardOf(segments[0]!), true],
      [forwardOf({ ...segments[0]!, tree }, { ...segments[1]!, tree }), true],
      [forwardOf(...segments), false],
      [forwardOf({ tokens: PROMPT.subarray(0, 9) }), false],
    ];
    for (const graphSequences of [2, undefined]) {
      await withRunner({ ...device, ...(graphSequences && { graphSequences }) }, (runner, _, lines) => {
        for (const [forward, fits] of steps) {
          forgetCounts();
          runner.run(forward);
          const { graphLaunches, launches } = simCounts(), isGraph = fits && graphSequences !== undefined;
          assert.equal(runner.ranGraph, isGraph);
          assert.deepEqual([graphLaunches, launches > 0], isGraph ? [1, false] : [0, true]);
        }
        const begin = lines.find((line) => line.startsWith("Capture cuda graph begin."));
        assert.equal(begin?.includes("rows: [1, 2, 4, 8],"), graphSequences && true);
      });
    }
  },
});

function freeMemory(): number {
  using context = new Context(simulatorPath!, { device: "cuda-sim", threads: 1 });
  return context.memory().freeBytes;
}
