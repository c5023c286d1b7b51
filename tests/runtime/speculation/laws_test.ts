/**
 * The law of speculation: whatever the proposer, its accuracy and its trees, a request's tokens, text and logprobs are
 * bit for bit those of plain decoding. Here on a tiny model.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ServerArgs } from "../../../runtime/contracts/server_args.ts";
import type { GenerationUpdate } from "../../../runtime/contracts/generation.ts";
import { proposerNames } from "../../../runtime/speculation/registry.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { alwaysRight, alwaysWrong, randomTrees, scriptedDrafter } from "../../support/drafters.ts";
import {
  type Case,
  checkLaw,
  commonShapes,
  runPlain,
  type Setting,
  type Shape,
  shapeArgs,
  shapeName,
  start,
  type Sums,
} from "../../support/law.ts";
import { collect, requestOf } from "../../support/test_engine.ts";
import { writeTinyHead } from "../../support/tiny_head.ts";
import { writeTinyModel } from "../../support/tiny_model.ts";

/** Also small ones. */
const SHAPES: readonly Shape[] = [...commonShapes, [3, 1, 4], [2, 2, 4]];

const ONCE = [20, 45, 300, 12, 20, 45, 300, 12, 77, 20, 45, 300];

/** All kinds of sampling; some prompts begin alike, some repeat themselves. */
const TINY_CASES: readonly Case[] = [
  { prompt: [1], sampling: { temperature: 0, maxTokens: 26 } },
  { prompt: ONCE, sampling: { temperature: 0.8, topP: 0.9, seed: 1, maxTokens: 26 } },
  { prompt: ONCE, sampling: { temperature: 0.8, topP: 0.9, seed: 2, maxTokens: 22 } },
  { prompt: [...ONCE, ...ONCE, 5, 6, 7], sampling: { topK: 20, minP: 0.02, seed: 3, maxTokens: 26 } },
  {
    prompt: [...ONCE, 9],
    sampling: { temperature: 0, frequencyPenalty: 0.6, presencePenalty: 0.4, maxTokens: 26 },
  },
  {
    prompt: [...ONCE, ...ONCE, ...ONCE, ...ONCE],
    sampling: {
      temperature: 0.6,
      repetitionPenalty: 1.3,
      seed: 5,
      numLogprobs: 2,
      logprobTokens: [300, 4],
      maxTokens: 25,
    },
  },
  {
    prompt: [...ONCE, 9, 8],
    sampling: {
      temperature: 0,
      numLogprobs: 5,
      promptLogprobStart: 0,
      numPromptLogprobs: 1,
      promptRanks: true,
      logprobTokens: [12],
      stopTokenIds: [313, 200],
      maxTokens: 26,
    },
  },
  // Trees on either side of a block of 256 keys.
  {
    prompt: Array.from({ length: 245 }, (_, i) => ONCE[i % ONCE.length]! + Math.floor(i / 70)),
    sampling: { temperature: 0.5, topP: 0.9, seed: 8, numLogprobs: 1, maxTokens: 26 },
  },
  {
    prompt: [50, 51, 52],
    sampling: { seed: 7, minTokens: 15, logitBias: [[2, 4], [30, -4]], stop: ["w", "3b"], maxTokens: 26 },
  },
  {
    prompt: [50, 51, 53],
    sampling: { seed: 9, minTokens: 9, stopRegex: ["[^a-z]{2}[a-z0-9]{2}", "\\bzz"], maxTokens: 26 },
  },
];

let tiny: Promise<{ setting: Setting; expected: GenerationUpdate[]; folder: string }> | undefined;

/** The tiny model with its plain outputs. */
function tinySetting() {
  return tiny ??= (async () => {
    const folder = await Deno.makeTempDir();
    const config = { numHeads: 4, numKvHeads: 2, headDim: 32, numLayers: 6 };
    const path = await writeTinyModel(folder, { kind: "gguf", seed: 3, config });
    const setting = { target: await openCheckpoint(await resolveModel(path)), cases: TINY_CASES };
    const head = { seed: 4, target: setting.target.checkpoint.config };
    const draftTokens = Array.from({ length: 150 }, (_, i) => 2 * i + 1);
    await writeTinyHead(`${folder}/eagle`, { ...head, kind: "eagle" });
    await writeTinyHead(`${folder}/mtp`, { ...head, kind: "mtp", hasQkvBias: true });
    await writeTinyHead(`${folder}/eagle3`, { ...head, kind: "eagle3", draftTokens });
    await Deno.writeTextFile(`${folder}/hot.json`, JSON.stringify(draftTokens));
    return { setting, expected: await runPlain(setting), folder };
  })();
}

Deno.test("the cases of the laws differ, end in different ways and say more than one thing", async () => {
  const { expected } = await tinySetting();
  assert.equal(new Set(expected.map(({ text }) => text)).size, expected.length);
  const reasons = new Set(expected.map(({ finish }) => finish?.type));
  assert.deepEqual(reasons, new Set(["length", "stop"]));
  assert.deepEqual(expected.at(-1)?.finish, { type: "stop", matched: "[^a-z]{2}[a-z0-9]{2}" });
  assert.ok(expected.every(({ tokens }) => tokens.length > 3));
});

for (const shape of SHAPES) {
  const [steps, topk] = shape, name = shapeName(shape);
  const law = (who: string, make: ReturnType<typeof randomTrees>, check: (sums: Sums) => void) =>
    Deno.test(`the law holds for a drafter that is ${who}, trees ${name}`, async () => {
      const { setting, expected } = await tinySetting();
      const tokensOf = (requestId: string) => {
        const index = Number(requestId.slice(1));
        return [...setting.cases[index]!.prompt, ...expected[index]!.tokens];
      };
      const sums = await checkLaw(
        setting,
        expected,
        { speculativeAlgorithm: "NGRAM", ...shapeArgs(shape) },
        { parts: { drafter: () => scriptedDrafter(tokensOf, make) } },
      );
      assert.ok(sums.cached > 0 && sums.proposed > 0);
      check(sums);
    });
  law(
    "always right",
    alwaysRight,
    ({ verifications, accepted }) =>
      assert.ok(accepted / verifications > 0.8 * steps, `${accepted / verifications} of ${steps}`),
  );
  law("always wrong", alwaysWrong(300), ({ accepted }) => assert.equal(accepted, 0));
  if (topk > 1) {
    law(
      "random",
      randomTrees(300),
      ({ accepted, proposed }) => assert.ok(accepted > 20 && accepted < proposed / 2),
    );
  }
}

/** Every algorithm, some in several ways. */
const ALGORITHMS: readonly Partial<ServerArgs>[] = [
  { speculativeAlgorithm: "NGRAM" },
  { speculativeAlgorithm: "NGRAM", speculativeNgramMatchType: "PROB", speculativeAdaptive: true },
  { speculativeAlgorithm: "STANDALONE", speculativeDraftModelPath: "tiny.gguf" },
  { speculativeAlgorithm: "SYNTHETIC", speculativeSyntheticAcceptance: [0.9, 0.6] },
  { speculativeAlgorithm: "EAGLE", speculativeDraftModelPath: "eagle" },
  { speculativeAlgorithm: "EAGLE", speculativeDraftModelPath: "eagle", speculativeTokenMap: "hot.json" },
  { speculativeAlgorithm: "NEXTN", speculativeDraftModelPath: "mtp" },
  { speculativeAlgorithm: "EAGLE3", speculativeDraftModelPath: "eagle3" },
  { speculativeAlgorithm: "EAGLE3", speculativeDraftModelPath: "eagle3", speculativeAdaptive: true },
];

Deno.test("the laws are checked for every proposer of the registry", () => {
  const checked = new Set<unknown>(ALGORITHMS.map(({ speculativeAlgorithm }) => speculativeAlgorithm));
  assert.deepEqual(checked, new Set(proposerNames));
});

for (const args of ALGORITHMS) {
  for (const shape of [undefined, ...SHAPES]) {
    const how = (args.speculativeAdaptive ? " adaptive" : "") +
      (args.speculativeTokenMap ? " with hot tokens" : "");
    Deno.test(`the law holds for ${args.speculativeAlgorithm}, trees ${shapeName(shape)}${how}`, async () => {
      const { setting, expected, folder } = await tinySetting();
      const { speculativeDraftModelPath: draft, speculativeTokenMap: map } = args;
      const { proposed, accepted } = await checkLaw(setting, expected, {
        ...args,
        ...(draft && { speculativeDraftModelPath: `${folder}/${draft}` }),
        ...(map && { speculativeTokenMap: `${folder}/${map}` }),
        ...shapeArgs(shape),
      });
      // A head of random numbers may be wrong all the time.
      const isRandom = /^EAGLE|^NEXTN$/.test(args.speculativeAlgorithm!) || args.speculativeAdaptive;
      if (shape) assert.ok(proposed > 0 && (accepted > 0 || isRandom), `${accepted} of ${proposed}`);
    });
  }
}

Deno.test("thresholds below 1 accept what was not drawn, but nothing that the filters forbid", async () => {
  const { setting: { target } } = await tinySetting();
  const sampling = { temperature: 1, seed: 3, maxTokens: 60 };
  const free = { target, cases: [{ prompt: ONCE, sampling }] };
  const forbidden = { target, cases: [{ prompt: ONCE, sampling: { ...sampling, topK: 1 } }] };
  const args = {
    speculativeAlgorithm: "NGRAM",
    speculativeAcceptThresholdSingle: 1e-9,
    ...shapeArgs([3, 4, 16]),
  };
  for (const [setting, isLossy] of [[free, true], [forbidden, false]] as const) {
    const [plain] = await runPlain(setting);
    const tokensOf = () => [...setting.cases[0]!.prompt, ...plain!.tokens];
    await using engine = await start(setting, args, {
      parts: { drafter: () => scriptedDrafter(tokensOf, alwaysWrong(300)) },
    });
    const { tokens, usage } = await collect(
      engine.generate(requestOf("r", ONCE, setting.cases[0]!.sampling)),
    );
    assert.equal(usage.speculation!.numAccepted > 0, isLossy);
    if (!isLossy) assert.deepEqual(tokens, plain!.tokens);
  }
});

Deno.test("log and server info show what was measured and accepted", async () => {
  const { setting } = await tinySetting();
  const lines: string[] = [];
  const args = { speculativeAlgorithm: "NGRAM", speculativeNumSteps: 3, decodeLogInterval: 2 };
  await using engine = await start(setting, args, { log: (_, line) => void lines.push(line) });
  await collect(engine.generate(requestOf("r", setting.cases[3]!.prompt, { maxTokens: 30, temperature: 0 })));
  assert.match(
    lines.join("\n"),
    /Forward cost by rows, ms: 1: [\d.]+, 2: .*, 64: .*; for 1000 tokens of context [\d.]+ a sequence/,
  );
  assert.match(
    lines.join("\n"),
    /Draft cost by sequences, ms: first level 1: [\d.]+, 2: .*each further level/,
  );
  assert.match(lines.join("\n"), /accept len: [\d.]+, accept rate: [\d.]+, cuda graph: False/);
  const { record: info } = await engine.serverInfo();
  assert.equal(info["speculative_algorithm"], "NGRAM");
  const [state] = info["internal_states"] as Record<string, unknown>[];
  const { num_verifications: verifications, num_accepted: accepted } = state!["speculation"] as Record<
    string,
    number
  >;
  assert.ok(verifications! > 0);
  assert.equal(state!["avg_spec_accept_length"], 1 + accepted! / verifications!);
  assert.equal((state!["forward_cost_ms"] as { sizes: number[] }).sizes.at(-1), 64);
});

Deno.test.afterAll(async () => {
  if (tiny) await Deno.remove((await tiny).folder, { recursive: true });
});
