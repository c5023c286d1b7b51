/**
 * Adaptive speculation is never slower than plain decoding, in simulated time: the costs are those of a real machine, the
 * drafts as good or bad as it comes, and the drafter's own word about them wrong.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { DraftRequest } from "../../../runtime/messages/scheduler_drafter.ts";
import { costAt } from "../../../runtime/speculation_policy/draft_budget.ts";
import { chainOf } from "../../../runtime/contracts/draft_tree.ts";
import type { CostCurve, DraftCosts, DraftingConfig } from "../../../runtime/contracts/speculation_config.ts";
import { seededRandom } from "../../support/block_formats.ts";
import { type MakeTree, World } from "../../support/scheduler_world.ts";

const NUM_TOKENS = 800;
/** Measured on two cores, milliseconds. */
const FORWARD = { sizes: [1, 2, 4, 8, 16, 32, 64], ms: [1.77, 2, 2.52, 3.78, 6.23, 11.07, 21.15] };
const NO_CONTEXT = { perSequence: 0, perRow: 0 };
const HEAD = {
  firstMs: { sizes: [1, 2, 4, 8], ms: [0.3, 0.35, 0.45, 0.7] },
  levelMs: { sizes: [1, 2, 4, 8], ms: [0.2, 0.22, 0.3, 0.5] },
  tokenMs: 0.035,
};
const LIMITS = { numPages: 4096, contextLength: 4096, maxRows: 600, maxOutputs: 512, chunkedPrefillSize: 64 };

/** Probability that a draft is right, by its sequence's length. */
type Rate = (length: number) => number;

/** Chains whose tokens are each right with that probability, whatever they say of themselves. */
function chains(rate: Rate): MakeTree {
  const random = seededRandom(7);
  return ({ start, tokens: given, numSteps, numNodes }, truth) => {
    const tokens = Int32Array.from(
      truth.slice(0, Math.min(numSteps, numNodes)),
      (token) => random() < rate(start + given.length) ? token : token + 1,
    );
    return chainOf(tokens, Float32Array.from(tokens, (_, i) => 0.7 ** (i + 1)));
  };
}

/** Time to draft for `requests`. */
function draftingMs({ firstMs, levelMs, tokenMs }: DraftCosts, requests: readonly DraftRequest[]): number {
  return costAt(firstMs, requests.length) +
    requests.reduce((sum, { tokens }) => sum + tokenMs * Math.max(0, tokens.length - 2), 0) +
    (Math.max(...requests.map(({ numSteps }) => numSteps)) - 1) * costAt(levelMs, requests.length);
}

/** How far from steady a machine is. */
interface Noise {
  /** Share by which every time varies, up and down. */
  readonly jitter: number;
  /** The process is descheduled once in so many milliseconds on average, for so many. */
  readonly stalls: { readonly everyMs: number; readonly ms: number };
  /** From the scheduler to a model and back, milliseconds. */
  readonly overheadMs: number;
}

const QUIET: Noise = { jitter: 0, stalls: { everyMs: Infinity, ms: 0 }, overheadMs: 0 };

/** Makes times noisy and adds them up. */
class NoisyClock {
  /** Simulated time, without the stalls: whoever runs longer meets more of them, but by how many more is chance. */
  ms = 0;
  readonly #noise: Noise;
  readonly #random: () => number;

  constructor(noise: Noise, seed: number) {
    this.#noise = noise;
    this.#random = seededRandom(seed);
  }

  /** A time as the scheduler sees it. */
  pass(ms: number): number {
    const { jitter, stalls } = this.#noise;
    const varied = ms * (1 + jitter * (2 * this.#random() - 1));
    this.ms += varied;
    return varied + (this.#random() < varied / stalls.everyMs ? stalls.ms : 0);
  }
}

/** Simulated time of `numRequests` at once, behind prompts of so many tokens. */
function timeOf(
  numRequests: number,
  rate: Rate,
  drafting?: DraftingConfig,
  numTokens = NUM_TOKENS,
  {
    numPromptTokens = 3,
    contextMs = NO_CONTEXT,
    draftMs = HEAD,
    slowdown = { factor: 1, numSteps: 1 },
    noise = QUIET,
    seed = 1,
  } = {},
): number {
  const world = new World({ ...LIMITS, ...(drafting && { drafting }) }, { makeTree: chains(rate) });
  const clock = new NoisyClock(noise, seed);
  // Drafting takes a cache from forwards, draft by draft; plain ones win it back.
  let taken = 0;
  const change = (by: number) => taken = Math.min(1, Math.max(0, taken + by / slowdown.numSteps));
  world.forwardMs = (numRows, numSeen) => {
    const factor = 1 + (slowdown.factor - 1) * taken;
    change(-1);
    return clock.pass(factor * costAt(FORWARD, numRows) + contextMs.perRow * numSeen);
  };
  world.overheadMs = () => clock.pass(noise.overheadMs);
  world.draftMs = (requests) => {
    change(2);
    return clock.pass(noise.overheadMs + draftingMs(draftMs, requests));
  };
  for (let i = 0; i < numRequests; i++) {
    const prompt = Array.from({ length: numPromptTokens }, (_, at) => 1 + (i + at) % 90);
    world.submit(`r${i}`, prompt, { maxTokens: numTokens, ignoreEos: true });
  }
  world.drain();
  return clock.ms;
}

const adaptive: DraftingConfig = {
  numSteps: 5,
  topk: 1,
  numNodes: 5,
  adaptive: true,
  keyIncludesNextToken: false,
  forwardMs: FORWARD,
  contextMs: NO_CONTEXT,
  draftMs: HEAD,
};

for (const numRequests of [1, 4, 8]) {
  Deno.test(`${numRequests} at once: never much slower than plain, and faster where drafts are good`, () => {
    for (const rate of [0, 0.2, 0.4, 0.6, 0.8, 0.95]) {
      const always = () => rate;
      const ratio = timeOf(numRequests, always) / timeOf(numRequests, always, adaptive);
      assert.ok(ratio > 0.97, `${ratio} of plain speed at a rate of ${rate}`);
      if (rate >= 0.8 && numRequests === 1) assert.ok(ratio > 1.3, `${ratio} at a rate of ${rate}`);
      const fixed = timeOf(numRequests, always) /
        timeOf(numRequests, always, { ...adaptive, adaptive: false });
      assert.ok(ratio > 0.93 * fixed, `${ratio} adaptive, ${fixed} fixed at a rate of ${rate}`);
    }
  });
}

/**
 * Machines that are not steady. The share of plain speed that is kept is that of a quiet one, but for stalls: an estimate
 * that was right is moved by every one of them, and drafts are probed or left out for a while that should not be.
 */
const NOISES: readonly (readonly [name: string, noise: Noise, least: number])[] = [
  ["times vary by 10 %", { ...QUIET, jitter: 0.1 }, 0.97],
  ["once a second nothing runs for 100 ms", { ...QUIET, stalls: { everyMs: 1000, ms: 100 } }, 0.95],
  ["every step and every draft has an overhead of 0.3 ms", { ...QUIET, overheadMs: 0.3 }, 0.97],
  ["all of that", { jitter: 0.1, stalls: { everyMs: 1000, ms: 100 }, overheadMs: 0.3 }, 0.95],
];

for (const [name, noise, least] of NOISES) {
  Deno.test(`where ${name}: hardly slower than plain, and faster where drafts are good`, () => {
    for (const numRequests of [1, 4, 8]) {
      for (const rate of [0.2, 0.6, 0.95]) {
        const [plain, speculating] = [undefined, adaptive].map((drafting, i) =>
          timeOf(numRequests, () => rate, drafting, NUM_TOKENS, { noise, seed: 1 + i })
        );
        const ratio = plain! / speculating!;
        assert.ok(ratio > least, `${ratio} of plain speed for ${numRequests} at a rate of ${rate}`);
        if (rate > 0.9 && numRequests === 1) assert.ok(ratio > 1.3, `${ratio} at a rate of ${rate}`);
      }
    }
  });
}

// What shows late is found out late.
for (const [numSteps, least] of [[1, 0.96], [25, 0.94]] as const) {
  Deno.test(`drafting that slows forwards down, within ${numSteps} of them: hardly slower than plain`, () => {
    for (const factor of [1.2, 1.5]) {
      for (const rate of [0.3, 0.4, 0.5, 0.6, 0.7, 0.95]) {
        const [plain, speculating] = [undefined, adaptive].map((drafting) =>
          timeOf(1, () => rate, drafting, 4 * NUM_TOKENS, { slowdown: { factor, numSteps } })
        );
        const ratio = plain! / speculating!;
        assert.ok(ratio > least, `${ratio} of plain speed at a rate of ${rate}, ${factor} times as slow`);
        if (rate > 0.9) assert.ok(ratio > 1.3, `${ratio} at a rate of ${rate}`);
      }
    }
  });
}

Deno.test("far on in a context, where every row is dear: never much slower than plain", () => {
  const far = { numPromptTokens: 3000, contextMs: { perSequence: 0, perRow: 0.001 } };
  for (const rate of [0.2, 0.4, 0.6]) {
    const drafting = { ...adaptive, contextMs: far.contextMs };
    const [plain, speculating] = [undefined, drafting].map((drafting) =>
      timeOf(1, () => rate, drafting, NUM_TOKENS, far)
    );
    const ratio = plain! / speculating!;
    assert.ok(ratio > 0.97, `${ratio} of plain speed at a rate of ${rate}`);
  }
});

Deno.test("a drafter that is slow to read prompts is not asked where the answers are too short to pay for it", () => {
  const slow = { numPromptTokens: 200, draftMs: { ...HEAD, tokenMs: 0.2 } };
  for (const numRequests of [1, 4]) {
    const [plain, speculating] = [undefined, { ...adaptive, draftMs: slow.draftMs }].map((drafting) =>
      timeOf(numRequests, () => 0.8, drafting, 24, slow)
    );
    assert.ok(plain! / speculating! > 0.97, `${plain! / speculating!} of plain speed`);
  }
});

Deno.test("and is asked where they are long", () => {
  const slow = { numPromptTokens: 1000, draftMs: { ...HEAD, tokenMs: 0.1 } };
  const [plain, speculating] = [undefined, { ...adaptive, draftMs: slow.draftMs }].map((drafting) =>
    timeOf(1, () => 0.8, drafting, NUM_TOKENS, slow)
  );
  assert.ok(plain! / speculating! > 1.2, `${plain! / speculating!} of plain speed`);
});

Deno.test("drafts that begin to be good are found out, after a long time of bad ones too", () => {
  const turns: Rate = (length) => length < 600 ? 0 : 0.9;
  const first = timeOf(1, turns, adaptive, 600), all = timeOf(1, turns, adaptive, 1800);
  const ratio = (timeOf(1, turns, undefined, 1800) - timeOf(1, turns, undefined, 600)) / (all - first);
  assert.ok(ratio > 1.3, `${ratio} of plain speed since`);
});

/** Simulated time of each of `rates.length` requests one after another, whose prompts have nothing in common. */
function timesOf(rates: readonly number[], drafting?: DraftingConfig): number[] {
  let rate = 0;
  const draftMs = { ...HEAD, tokenMs: 0.065 };
  const world = new World(
    { ...LIMITS, eosTokenIds: [], ...(drafting && { drafting: { ...drafting, draftMs } }) },
    { makeTree: chains(() => rate) },
  );
  world.forwardMs = (numRows) => costAt(FORWARD, numRows);
  world.draftMs = (requests) => draftingMs(draftMs, requests);
  const clock = () => world.state.forwardMs + world.state.draftMs;
  return rates.map((now, i) => {
    const begun = clock();
    rate = now;
    const prompt = Array.from({ length: 130 }, (_, at) => 1 + (i * 977 + at * 7) % 5000);
    world.submit(`r${i}`, prompt, { maxTokens: 128 });
    world.drain();
    return clock() - begun;
  });
}

/** Plain over speculating time of all requests but the first `numLeftOut`. */
function ratioSince(rates: readonly number[], numLeftOut: number): number {
  const [plain, speculating] = [timesOf(rates), timesOf(rates, adaptive)].map((times) =>
    times.slice(numLeftOut).reduce((sum, ms) => sum + ms, 0)
  );
  return plain! / speculating!;
}

Deno.test("requests whose drafts never pay cost next to nothing once that is known", () => {
  const ratio = ratioSince(new Array<number>(40).fill(0.1), 4);
  assert.ok(ratio > 0.993, `${ratio} of plain speed`);
});

Deno.test("requests whose drafts begin to pay are found out, though each one's prompt must be read first", () => {
  const ratio = ratioSince(Array.from({ length: 40 }, (_, i) => i < 20 ? 0.2 : 0.8), 20);
  assert.ok(ratio > 1.2, `${ratio} of plain speed`);
});

Deno.test("what the trial at start got wrong about forwards of some sizes is learnt", () => {
  // Drafts are for nothing, as those of NGRAM.
  const free = { sizes: [1], ms: [0] }, draftMs = { firstMs: free, levelMs: free, tokenMs: 0 };
  const sizes = [1, 2, 3, 4, 6, 8, 12], right = { sizes, ms: [3.4, 3.9, 4.4, 5, 6.1, 7.9, 10.5] };
  const wrong = { sizes, ms: [2.7, 2.9, 3.2, 3.5, 3.6, 5, 6.4] }; // six rows seem to cost little more than one
  const time = (forwardMs: CostCurve) => {
    const world = new World({
      ...LIMITS,
      drafting: { ...adaptive, numSteps: 11, numNodes: 11, forwardMs, draftMs },
    }, {
      makeTree: chains((length) => [0.3, 0.9][Math.floor(length / 50) % 2]!),
    });
    world.forwardMs = (numRows) => costAt(right, numRows);
    world.draftMs = () => 0;
    world.submit("one", [1, 2, 3], { maxTokens: 3000, ignoreEos: true });
    world.drain();
    return world.state.forwardMs;
  };
  const ratio = time(right) / time(wrong);
  assert.ok(ratio > 0.98, `${ratio} of the speed with the right costs`);
});

/** Tokens in a second of simulated time of one request beside `numPlain` that decode plainly. */
function tokensBeside(numPlain: number, rate: number, drafting?: DraftingConfig): number {
  const world = new World({ ...LIMITS, ...(drafting && { drafting }) }, { makeTree: chains(() => rate) });
  let ms = 0;
  const pass = (by: number) => {
    ms += by;
    return by;
  };
  world.forwardMs = (numRows) => pass(costAt(FORWARD, numRows));
  world.draftMs = (requests) => pass(draftingMs(HEAD, requests));
  for (let i = 0; i <= numPlain; i++) {
    world.submit(`r${i}`, [1 + i, 2, 3], { maxTokens: 4000, ignoreEos: true }, { speculative: i === 0 });
  }
  while (ms < 1000) world.step();
  return world.state.generatedTokens;
}

for (const numPlain of [1, 7]) {
  Deno.test(`beside ${numPlain} that decode plainly: tokens come no slower, and faster where drafts are good`, () => {
    for (const rate of [0, 0.4, 0.8, 0.95]) {
      const ratio = tokensBeside(numPlain, rate, adaptive) / tokensBeside(numPlain, rate);
      assert.ok(ratio > 0.97, `${ratio} at a rate of ${rate}`);
      if (rate > 0.9 && numPlain === 1) assert.ok(ratio > 1.2, `${ratio} at a rate of ${rate}`);
    }
  });
}
