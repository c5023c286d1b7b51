/**
 * The adaptive policy in the simulated scheduler: queries change nothing, a cooldown skips decisions.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { chainOf } from "../../../runtime/contracts/draft_tree.ts";
import type { DraftingConfig } from "../../../runtime/contracts/speculation_config.ts";
import { AdaptivePolicy } from "../../../runtime/speculation_policy/adaptive.ts";
import type {
  DraftLoad,
  DraftOutcome,
  DraftPlan,
  DraftPolicy,
  StepOutcome,
} from "../../../runtime/contracts/draft_policy.ts";
import { seededRandom } from "../../support/block_formats.ts";
import { World } from "../../support/scheduler_world.ts";

const flat = (ms: number) => ({ sizes: [1], ms: [ms] });
const config: DraftingConfig = {
  numSteps: 3,
  topk: 1,
  numNodes: 3,
  adaptive: true,
  keyIncludesNextToken: false,
  forwardMs: { sizes: [1, 8, 32], ms: [10, 13, 24] },
  contextMs: { perSequence: 0.001, perRow: 0.001 },
  draftMs: { firstMs: flat(1), levelMs: flat(1), tokenMs: 0.1 },
};

/** A policy whose every query is asked twice, and must change nothing. */
class CheckedPolicy extends AdaptivePolicy {
  readonly seen = { plans: 0, plainSteps: 0, probes: 0, comparisons: 0, cooldowns: 0, selected: 0 };

  #twice<T>(query: () => T): T {
    const before = structuredClone(this.state), answer = query();
    assert.deepEqual(query(), answer, "a query answers twice the same");
    assert.deepEqual(structuredClone(this.state), before, "a query changes nothing");
    return answer;
  }

  override plan(load: DraftLoad) {
    const plan = this.#twice(() => super.plan(load)), { cooldown, numLevels } = this.state;
    this.seen.plans++;
    if (plan?.decision.isProbe) this.seen.probes++;
    if (plan === undefined && load.numDecoding > 0) {
      this.seen.plainSteps++;
      if (cooldown.numSteps > 0 && cooldown.numDecoding === load.numDecoding) this.seen.cooldowns++;
      else if (numLevels > 0 && load.canDraft) this.seen.comparisons++;
    }
    return plan;
  }

  override select(plan: Parameters<AdaptivePolicy["select"]>[0], drafted: DraftOutcome["drafted"]) {
    this.seen.selected++;
    return this.#twice(() => super.select(plan, drafted));
  }
}

/** A world with a policy of the test's. */
function worldWith(policy: DraftPolicy, rate: () => number): World {
  const random = seededRandom(3);
  const world = new World(
    { drafting: config, numPages: 1024, contextLength: 1024, maxRows: 64, eosTokenIds: [] },
    {
      makeTree: ({ numSteps, numNodes }, truth) => {
        const tokens = Int32Array.from(
          truth.slice(0, Math.min(numSteps, numNodes)),
          (token) => random() < rate() ? token : token + 1,
        );
        return chainOf(tokens, Float32Array.from(tokens, (_, i) => 0.8 ** (i + 1)));
      },
    },
  );
  Object.assign(world.state, { policy });
  return world;
}

Deno.test("plan and select, asked twice, answer the same and change nothing, whatever was observed", () => {
  const seen: Record<string, number> = {};
  const requests = fc.array(
    fc.record({
      numTokens: fc.integer({ min: 1, max: 300 }),
      promptLength: fc.integer({ min: 1, max: 100 }),
      temperature: fc.constantFrom(0, 1),
      afterSteps: fc.integer({ min: 0, max: 40 }),
    }),
    { minLength: 2, maxLength: 6 },
  );
  const rates = fc.array(fc.constantFrom(0, 0.3, 0.6, 0.95), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(requests, rates, (requests, rates) => {
      const policy = new CheckedPolicy(config);
      const world = worldWith(policy, () => rates[Math.floor(world.state.numSteps / 40) % rates.length]!);
      const random = seededRandom(5);
      world.forwardMs = (numRows) => (9 + numRows / 2) * (0.9 + 0.2 * random());
      world.draftMs = (requests) => (1 + requests.length) * (0.9 + 0.2 * random());
      requests.forEach(({ numTokens, promptLength, temperature, afterSteps }, i) => {
        for (let step = 0; step < afterSteps; step++) world.step();
        const prompt = Array.from({ length: promptLength }, (_, at) => 1 + (i + at) % 50);
        world.submit(`r${i}`, prompt, { maxTokens: numTokens, temperature });
      });
      world.drain();
      for (const [what, count] of Object.entries(policy.seen)) seen[what] = (seen[what] ?? 0) + count;
    }),
    { numRuns: 10, endOnFailure: true },
  );
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `only ${count} ${what}`);
});

/** Says of each step of a lone sequence whose drafts never pay whether the policy decided anew. */
class CountingPolicy extends AdaptivePolicy {
  readonly loads: DraftLoad[] = [];
  readonly #read = new Set<DraftLoad>();

  override plan(load: DraftLoad) {
    this.loads.push(load);
    const watched = new Proxy(load, {
      get: (target, name) => {
        if (name === "candidates") this.#read.add(load);
        return Reflect.get(target, name);
      },
    });
    return super.plan(watched);
  }

  /** Steps since the last decision, at each decision. */
  get gaps(): number[] {
    const at = this.loads.flatMap((load, i) => this.#read.has(load) ? [i] : []);
    return at.slice(1).map((step, i) => step - at[i]!);
  }
}

Deno.test("where nothing pays it is decided anew in every eighth step, or once sequences come or go", () => {
  const policy = new CountingPolicy(config), world = worldWith(policy, () => 0);
  world.draftMs = () => 40;
  world.submit("long", [1, 2, 3], { maxTokens: 600 });
  for (let step = 0; step < 300; step++) world.step();
  const late = policy.gaps.slice(-10);
  assert.deepEqual(late.filter((gap) => gap !== 8 && gap !== 1), [], `${late}`);
  assert.ok(late.filter((gap) => gap === 8).length > 7, `${late}`);

  // Into the middle of a cooldown.
  while (policy.state.cooldown.numSteps !== 5) world.step();
  const numBefore = policy.gaps.length;
  world.submit("short", [4, 5], { maxTokens: 20 });
  world.step();
  assert.equal(policy.gaps.length, numBefore, "its prompt is being read");
  world.step();
  assert.equal(policy.gaps.length, numBefore + 1, "two decode");
  world.drain();
});

Deno.test("a plan that nothing came of counts as a step without drafts", () => {
  const policy = new AdaptivePolicy(config);
  const load: DraftLoad = {
    numDecoding: 1,
    numPrefillRows: 0,
    numContextTokens: 10,
    draftable: { numSequences: 1, numContextTokens: 10 },
    canDraft: true,
    candidates: [{ isSampled: false, wasDrafted: false, numPending: 2, numTokensLeft: 100 }],
  };
  const plan: DraftPlan | undefined = policy.plan(load);
  assert.ok(plan && plan.numLevels > 0, "it hopes for the best");
  const outcome: StepOutcome = { type: "stepped", undrafted: load, forward: undefined, verified: [] };
  policy.observe(outcome);
  assert.equal(policy.state.probing.numSince, 1);
  assert.equal(policy.numLevels, plan.numLevels);
});

Deno.test("steps of sequences that all decode plainly have no decision, and teach nothing of drafts", () => {
  const policy = new AdaptivePolicy(config), before = structuredClone(policy.state);
  const load: DraftLoad = {
    numDecoding: 2,
    numPrefillRows: 0,
    numContextTokens: 10,
    draftable: { numSequences: 0, numContextTokens: 0 },
    canDraft: true,
    candidates: [],
  };
  for (let i = 0; i < 20; i++) {
    assert.equal(policy.plan(load), undefined);
    policy.observe({ type: "stepped", undrafted: load, forward: undefined, verified: [] });
  }
  assert.deepEqual(structuredClone(policy.state), before);
});

Deno.test("what drafts bring is known by all that decode, however few of them are drafted for", () => {
  const policy = new AdaptivePolicy(config);
  const tree = chainOf(Int32Array.of(1, 2, 3), new Float32Array(3).fill(0.5));
  for (const [numDecoding, accepted] of [[8, []], [1, [0, 1, 2]]] as const) {
    const verified = {
      tree,
      numLevels: 3,
      numDecoding,
      isSampled: false,
      accepted: Int32Array.from(accepted),
    };
    for (let i = 0; i < 200; i++) {
      policy.observe({ type: "stepped", undrafted: undefined, forward: undefined, verified: [verified] });
    }
  }
  const numPaying = (numDecoding: number) =>
    policy.plan({
      numDecoding,
      numPrefillRows: 0,
      numContextTokens: 10 * numDecoding,
      draftable: { numSequences: 1, numContextTokens: 10 },
      canDraft: true,
      candidates: [{ isSampled: false, wasDrafted: true, numPending: 2, numTokensLeft: 100 }],
    })?.decision.numPaying ?? 0;
  assert.deepEqual([numPaying(8), numPaying(1)], [0, 3]);
});
