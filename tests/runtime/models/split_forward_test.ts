/**
 * A forward in two parts: the model's, then the draw under masks. Together they are the whole one, to the bit.
 *
 * @module
 */
import assert from "node:assert/strict";
import { systemClock } from "../../../runtime/actor/clock.ts";
import type { ModelConfig } from "../../../runtime/contracts/checkpoint.ts";
import type { VerifierConfig } from "../../../runtime/contracts/config.ts";
import { chainOf } from "../../../runtime/contracts/draft_tree.ts";
import { defaultSamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import type { Segment } from "../../../runtime/messages/scheduler_verifier.ts";
import { type TargetForward, TargetRunner } from "../../../runtime/models/target_runner.ts";
import { SequenceSampling } from "../../../runtime/sampling/sequence_sampling.ts";
import { Verification } from "../../../runtime/speculation/verification.ts";
import { forgetCounts, inject, simCounts, simulatorPath } from "../../support/cuda_sim.ts";
import { assertNative, Status } from "../../support/misuse.ts";
import { verifierConfig, withTinyCheckpoint } from "../../support/models.ts";
import { maskWords } from "../../support/samplers.ts";
import { TINY_TOKENIZER } from "../../support/tiny_tokenizer.ts";

const VOCAB = TINY_TOKENIZER.tokens.length, NUM_TOP = 20, EOS = 7;
const PROMPT = Int32Array.from({ length: 19 }, (_, i) => (i * 31 + 5) % VOCAB);
/** What runners are opened with, by device; with settings of Gemma's and Granite's logits, too. */
const DEVICES: readonly {
  readonly name: string;
  readonly change: Partial<VerifierConfig>;
  readonly model?: Partial<ModelConfig>;
  readonly ignore: boolean;
}[] = [
  { name: "cpu", change: {}, ignore: false },
  { name: "cpu, scaled logits", change: {}, model: { logitScale: 0.5, logitSoftCap: 5 }, ignore: false },
  {
    name: "cuda-sim",
    change: { device: "cuda-sim", libraryPath: simulatorPath!, graphSequences: 4, maxNodes: 3 },
    ignore: simulatorPath === undefined,
  },
];

function samplingOf(params: Partial<typeof defaultSamplingParams>): SequenceSampling {
  const sampling = { ...defaultSamplingParams, numLogprobs: NUM_TOP, ...params };
  return new SequenceSampling(
    { requestId: "r", sampling, tokens: PROMPT, numPromptTokens: PROMPT.length },
    [EOS],
  );
}
const GREEDY = samplingOf({ temperature: 0 });
const SAMPLED = samplingOf({ temperature: 1.1, topK: 40, topP: 0.9, seed: 5n, frequencyPenalty: 0.3 });

function testEachDevice(title: string, body: (runner: TargetRunner) => void): void {
  for (const { name, change, model, ignore } of DEVICES) {
    Deno.test({
      name: `${title} [${name}]`,
      ignore,
      fn: () =>
        withTinyCheckpoint({ kind: "gguf", seed: 21 }, (checkpoint) => {
          const config = verifierConfig(
            { ...checkpoint, config: { ...checkpoint.config, ...model } },
            change,
          );
          using runner = new TargetRunner(config, { log: () => {}, clock: systemClock });
          body(runner);
        }),
    });
  }
}

/** A forward of segments, each of a sequence of its own. */
function forwardOf(
  segments: readonly (Partial<Segment> & Pick<Segment, "tokens">)[],
  sampling: SequenceSampling = GREEDY,
): TargetForward {
  const whole = segments.map((segment, i) => ({
    requestId: "r",
    start: 0,
    pages: Int32Array.of(2 * i + 1, 2 * i + 2),
    sample: true,
    ...segment,
  }));
  return new Verification(whole, () => sampling, { pageSize: 16 });
}

/** What the outputs of the last forward got, with all logprobs. */
function drawn({ sampler }: TargetRunner, { outputs }: TargetForward) {
  return outputs.map((_, i) => sampler.logprobAt(i, { numTop: NUM_TOP }));
}

const TREE = chainOf(PROMPT.subarray(1, 4), new Float32Array(3));
const FORWARDS: readonly (readonly (Partial<Segment> & Pick<Segment, "tokens">)[])[] = [
  [{ tokens: PROMPT.subarray(0, 1) }],
  [{ tokens: PROMPT.subarray(0, 1), tree: TREE }, { tokens: PROMPT.subarray(3, 4) }],
  [
    { tokens: PROMPT },
    {
      tokens: PROMPT.subarray(0, 9),
      promptLogprobs: { numRows: 8, nextTokens: PROMPT.subarray(1, 9) },
    },
    { tokens: PROMPT.subarray(0, 2), tree: TREE },
    { tokens: PROMPT.subarray(0, 5), sample: false },
  ],
];

testEachDevice("a forward in two parts draws what a whole one draws, to the bit", (runner) => {
  for (const sampling of [GREEDY, SAMPLED]) {
    for (const segments of FORWARDS) {
      const forward = forwardOf(segments, sampling);
      runner.run(forward);
      const whole = drawn(runner, forward);
      for (const masks of [undefined, { words: maskWords(VOCAB, [() => true]) }]) {
        assert.ok(runner.runModel(forward.layouts) >= 0);
        const outputs = forward.outputs.map((output) => ({ ...output, mask: masks ? 0 : -1 }));
        assert.ok(runner.draw(outputs, masks) >= 0);
        assert.deepEqual(drawn(runner, forward), whole);
      }
      runner.run(forward);
      assert.deepEqual(drawn(runner, forward), whole, "a whole one behind one in two parts");
    }
  }
});

testEachDevice("masks bind the outputs that name them, and no others", (runner) => {
  const forward = forwardOf(FORWARDS[1]!), isEven = (token: number) => token % 2 === 0;
  const words = maskWords(VOCAB, [isEven, (token) => token === EOS]);
  runner.run(forward);
  const free = drawn(runner, forward);
  const masks = [0, 1, -1, undefined, 0];
  runner.runModel(forward.layouts);
  runner.draw(forward.outputs.map((output, i) => ({ ...output, mask: masks[i]! })), { words });
  const bound = drawn(runner, forward);
  assert.deepEqual([bound[2], bound[3]], [free[2], free[3]]);
  for (const i of [0, 4]) {
    const best = free[i]!.top.filter(([token]) => isEven(token));
    assert.equal(bound[i]!.token, best[0]![0]);
    assert.ok(bound[i]!.logprob! > best[0]![1], "the masked distribution's");
    assert.deepEqual(
      bound[i]!.top.slice(0, best.length).map(([token]) => token),
      best.map(([token]) => token),
    );
  }
  assert.deepEqual(bound[1], { token: EOS, logprob: 0, top: [[EOS, 0]] });
});

testEachDevice("minTokens does not ban the end where only the end may come", (runner) => {
  const forward = forwardOf([{ tokens: PROMPT }], samplingOf({ temperature: 1, minTokens: 5 }));
  const words = maskWords(VOCAB, [(token) => token === EOS || token === 3]);
  for (const [mustEnd, tokens] of [[false, [3]], [true, [3, EOS]]] as const) {
    runner.runModel(forward.layouts);
    runner.draw([{ ...forward.outputs[0]!, mask: 0, mustEnd }], { words });
    const { top } = drawn(runner, forward)[0]!;
    const possible = top.filter(([, logprob]) => logprob > -Infinity).map(([token]) => token);
    assert.deepEqual(possible.sort(), [...tokens].sort());
  }
});

testEachDevice("a draw without a model's part before it, or with an unknown mask, is refused", (runner) => {
  const forward = forwardOf([{ tokens: PROMPT }]), words = maskWords(VOCAB, [() => true]);
  const draw = (mask: number) => runner.draw([{ ...forward.outputs[0]!, mask }], { words });
  assert.throws(() => draw(0), /Cannot draw: no forward is left/);
  runner.runModel(forward.layouts);
  assertNative(() => draw(1), Status.badArgument, /row 0 has mask 1, 1 were given/);
  runner.runModel(forward.layouts);
  draw(0);
  assert.throws(() => draw(0), /Cannot draw: no forward is left/);
  runner.runModel(forward.layouts);
  runner.run(forward);
  assert.throws(() => draw(0), /Cannot draw: no forward is left/);
});

Deno.test({
  name: "both parts run as captured graphs where a whole forward does, captured when they are first needed",
  ignore: simulatorPath === undefined,
  fn: () =>
    withTinyCheckpoint({ kind: "gguf", seed: 21 }, (checkpoint) => {
      const lines: string[] = [], log = (_: string, line: string) => void lines.push(line);
      const config = verifierConfig(checkpoint, DEVICES.at(-1)!.change);
      using runner = new TargetRunner(config, { log, clock: systemClock });
      const graphLaunches = (segments: typeof FORWARDS[number]) => {
        const forward = forwardOf(segments);
        forgetCounts();
        runner.runModel(forward.layouts);
        runner.draw(forward.outputs);
        return simCounts().graphLaunches;
      };
      for (const [i, fits] of [true, true, false].entries()) {
        assert.equal(graphLaunches(FORWARDS[i]!), fits ? 2 : 0);
        assert.equal(runner.ranGraph, fits);
      }
      // Without the memory for another size, it goes on without.
      forgetCounts();
      inject("cudaGraphInstantiate", 1, 2);
      const forward = forwardOf([{ tokens: PROMPT.subarray(0, 12) }]);
      runner.runModel(forward.layouts);
      runner.draw(forward.outputs);
      assert.ok(!runner.ranGraph);
      assert.ok(lines.some((line) => /^Cannot capture layers cuda graph of 16 rows, which runs/.test(line)));
      inject();
    }),
});
