/**
 * Every architecture beside transformers: logits and greedy continuations of tiny random models that it makes and writes.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { VerifierConfig } from "../../../runtime/contracts/config.ts";
import { ARCHITECTURES } from "../../../runtime/architectures/registry.ts";
import { isSimulatorBuilt, SIMULATED, type Simulated } from "../../support/cuda_sim.ts";
import { ALL_ISAS, hasIsa, type Isa } from "../../support/native.ts";
import { ModelRunner, verifierConfig } from "../../support/models.ts";
import { needsReferences } from "../../support/references.ts";
import {
  makeReferenceModels,
  PROMPT,
  type Reference,
  REFERENCE_CASES,
} from "../../support/reference_models.ts";

const needs = await needsReferences("torch", "transformers");
const isas = ALL_ISAS.filter(hasIsa), best = isas.at(-1)!;

let made: Promise<Reference> | undefined;
const reference = () => made ??= makeReferenceModels();
Deno.test.afterAll(async () => await (await made)?.[Symbol.asyncDispose]());

/** Largest difference of a logit. */
const BOUND = 2e-3;
const PAGES = Int32Array.of(5, 2, 9, 1, 7, 3);

/** Logits of the prompt, then `numGreedy` tokens one by one. */
function run(config: VerifierConfig, kernels: Isa | Simulated, numGreedy: number) {
  using runner = new ModelRunner(config, kernels);
  const logits = runner.forward([{ tokens: PROMPT, start: 0, pages: PAGES }]), greedy: number[] = [];
  for (let last = logits.at(-1)!; greedy.length < numGreedy;) {
    const start = PROMPT.length + greedy.length;
    greedy.push(last.indexOf(Math.max(...last)));
    last = runner.forward([{ tokens: Int32Array.of(greedy.at(-1)!), start, pages: PAGES }])[0]!;
  }
  return { logits, greedy };
}

async function compare(name: string, kernels: Isa | Simulated, numGreedy?: number): Promise<void> {
  const expected = (await reference()).models.get(name)!;
  const { contextLength = 512 } = REFERENCE_CASES[name]!;
  const config = verifierConfig(await expected.open(), { contextLength });
  const { logits, greedy } = run(config, kernels, numGreedy ?? expected.greedy.length);
  logits.forEach((row, position) =>
    row.forEach((logit, token) => {
      const difference = Math.abs(logit - expected.logits[position]![token]!);
      assert.ok(difference <= BOUND, `${name}: logit ${token} at ${position} differs by ${difference}`);
    })
  );
  assert.deepEqual(greedy, expected.greedy.slice(0, greedy.length), name);
}

Deno.test("transformers makes a model of every architecture that it has", () => {
  const made = new Set(Object.values(REFERENCE_CASES).map(({ architecture }) => architecture));
  const missing = ARCHITECTURES.map(({ name }) => name).filter((name) => !made.has(name));
  assert.deepEqual(missing, ["MiMoForCausalLM"]);
});

for (const name of Object.keys(REFERENCE_CASES)) {
  Deno.test({
    name: `${name}: logits and greedy tokens are transformers'`,
    ...needs,
    fn: () => compare(name, best),
  });

  Deno.test({
    name: `cuda: ${name}: logits and greedy tokens are transformers'`,
    ignore: needs.ignore || !isSimulatorBuilt,
    fn: () => compare(name, SIMULATED[0]!, 2),
  });
}

Deno.test({
  name: "windows, soft caps and norms are transformers' with every instruction set",
  ...needs,
  async fn() {
    for (const isa of isas) await compare("gemma2", isa, 2);
  },
});
