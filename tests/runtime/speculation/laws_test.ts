/**
 * The law of speculation: whatever the proposer, its accuracy and its trees, a request's tokens, text and logprobs are
 * bit for bit those of plain decoding. Here on a tiny model.
 *
 * @module
 */
import assert from "node:assert/strict";
import { proposerNames } from "../../../runtime/speculation/registry.ts";
import { alwaysWrong, scriptedDrafter } from "../../support/drafters.ts";
import { runPlain, shapeArgs, start } from "../../support/law.ts";
import { ALGORITHMS, ONCE, SHAPES, TINY_CASES, TinyLaws } from "../../support/tiny_laws.ts";
import { collect, requestOf } from "../../support/test_engine.ts";

const laws = new TinyLaws({
  model: { config: { numHeads: 4, numKvHeads: 2, headDim: 32, numLayers: 6 } },
  cases: TINY_CASES,
});

Deno.test("the cases of the laws differ, end in different ways and say more than one thing", async () => {
  const { expected } = await laws.setting();
  assert.equal(new Set(expected.map(({ text }) => text)).size, expected.length);
  const reasons = new Set(expected.map(({ finish }) => finish?.type));
  assert.deepEqual(reasons, new Set(["length", "stop"]));
  assert.deepEqual(expected.at(-1)?.finish, { type: "stop", matched: "[^a-z]{2}[a-z0-9]{2}" });
  assert.ok(expected.every(({ tokens }) => tokens.length > 3));
});

for (const shape of SHAPES) {
  laws.testDrafter("always right", shape);
  laws.testDrafter("always wrong", shape);
  if (shape[1] > 1) laws.testDrafter("random", shape);
}

Deno.test("the laws are checked for every proposer of the registry", () => {
  const checked = new Set<unknown>(ALGORITHMS.map(({ speculativeAlgorithm }) => speculativeAlgorithm));
  assert.deepEqual(checked, new Set(proposerNames));
});

for (const args of ALGORITHMS) {
  for (const shape of [undefined, ...SHAPES]) laws.testProposer(args, shape);
}

Deno.test("thresholds below 1 accept what was not drawn, but nothing that the filters forbid", async () => {
  const { setting: { target } } = await laws.setting();
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
  const { setting } = await laws.setting();
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
