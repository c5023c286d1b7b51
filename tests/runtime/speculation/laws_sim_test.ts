/**
 * The law of speculation on CUDA's kernels, as the simulator runs them, with a tiny model: by default every proposer and
 * most shapes of tree once, prompts in chunks of 16, alone and eight at once, on a cold and a warm cache, and with
 * preemptions. `deno task test:laws:sim` checks every proposer in every shape, in turn on either kind of device.
 *
 * @module
 */
import { isSimulatorBuilt, simulate, SIMULATED } from "../../support/cuda_sim.ts";
import { fakeConstraint } from "../../support/fake_grammar.ts";
import { fakeMatcher } from "../../support/fake_matcher.ts";
import { ALGORITHMS, DRAFTERS, ONCE, SHAPES, TINY_CASES, TinyLaws } from "../../support/tiny_laws.ts";
import { TINY_TOKENIZER } from "../../support/tiny_tokenizer.ts";

const hasAllShapes = Deno.env.get("AERIE_LAWS") === "sim";

/** Without those that end late or by their text, which no device knows of. */
const SHORT_CASES = TINY_CASES.slice(0, 8).map(({ prompt, sampling }) => ({
  prompt,
  sampling: { ...sampling, maxTokens: 10 },
}));

/** Of the levels, that who is right sees accepted at least: ends of requests so short cut many off. */
const SHARE = 0.6;

const [laws, otherLaws] = SIMULATED.map((simulated, i) =>
  new TinyLaws({
    where: `cuda-sim ${simulated.device}, ${simulated.schedule}`,
    ignore: !isSimulatorBuilt,
    on: () => simulate(simulated),
    model: {
      // The other one has weights as llama.cpp quantises them.
      ...(i === 0 ? { format: "BF16" } : { format: "Q4_1" }),
      config: { numHeads: 4, numKvHeads: 2, headDim: 32, numLayers: 3 },
    },
    cases: SHORT_CASES,
    args: { maxRunningRequests: 10 },
  })
) as [TinyLaws, TinyLaws];

const shapes = [undefined, ...SHAPES], whos = Object.keys(DRAFTERS) as (keyof typeof DRAFTERS)[];

if (hasAllShapes) {
  let turn = 0;
  const next = () => turn++ % 2 === 0 ? laws : otherLaws;
  for (const shape of SHAPES) for (const who of whos) next().testDrafter(who, shape, SHARE);
  for (const args of ALGORITHMS) for (const shape of shapes) next().testProposer(args, shape);
} else {
  laws.testDrafter("always right", [5, 4, 8], SHARE);
  otherLaws.testDrafter("random", [5, 8, 64]);
  // Trees of 64 take long.
  const small = shapes.filter((shape) => shape?.[2] !== 64);
  ALGORITHMS.forEach((args, i) =>
    (i % 2 === 0 ? laws : otherLaws).testProposer(args, small[i % small.length])
  );
}

/** Under grammars a forward is two graphs, with masks for the second. */
const constrained = new TinyLaws({
  where: "cuda-sim, under grammars",
  ignore: !isSimulatorBuilt,
  on: simulate,
  model: { format: "BF16", config: { numHeads: 4, numKvHeads: 2, headDim: 32, numLayers: 1 } },
  cases: SHORT_CASES.map((one, i) => i % 4 === 3 ? one : { ...one, constraint: fakeConstraint(i) }),
  matcher: () =>
    fakeMatcher({ vocabSize: TINY_TOKENIZER.tokens.length, endToken: TINY_TOKENIZER.eosTokenId }),
  args: { maxRunningRequests: 10 },
});
constrained.testProposer({ speculativeAlgorithm: "NGRAM" }, [2, 2, 4]);

/** Each wants three pages in the end, of which the pool has seven. */
const preempted = new TinyLaws({
  where: "cuda-sim",
  ignore: !isSimulatorBuilt,
  on: simulate,
  model: { format: "BF16", config: { numHeads: 4, numKvHeads: 2, headDim: 32, numLayers: 1 } },
  cases: Array.from({ length: 6 }, (_, i) => ({
    prompt: [...ONCE, 50 + i],
    sampling: {
      ...(i % 2 === 0 ? { temperature: 0 } : { seed: i, topP: 0.9 }),
      ignoreEos: true,
      maxTokens: 30,
    },
  })),
  args: { maxRunningRequests: 10 },
});
preempted.testPreemption(112);
