import assert from "node:assert/strict";
import { chainOf } from "../../../runtime/contracts/draft_tree.ts";
import type { DraftingConfig } from "../../../runtime/contracts/speculation_config.ts";
import { World } from "../../support/scheduler_world.ts";

const flat = (ms: number) => ({ sizes: [1], ms: [ms] });
const PROMPT = Array.from({ length: 80 }, (_, i) => 1 + i % 50);

/** Drafts of up to three tokens, each of which takes `levelMs`; a forward takes ten. */
function draftingOf(levelMs: number, tokenMs: number): DraftingConfig {
  return {
    numSteps: 3,
    topk: 1,
    numNodes: 3,
    adaptive: true,
    keyIncludesNextToken: false,
    forwardMs: { sizes: [1, 8], ms: [10, 11] },
    contextMs: { perSequence: 0, perRow: 0 },
    draftMs: { firstMs: flat(levelMs), levelMs: flat(levelMs), tokenMs },
  };
}

/** Requests for drafts, by sequence, of the same prompt asked twice, where reading a token costs `tokenMs`. */
function askTwice(tokenMs: number): Map<string, number> {
  const drafting = draftingOf(1, tokenMs);
  const numAsked = new Map<string, number>();
  const world = new World({ drafting, eosTokenIds: [] }, {
    makeTree: ({ requestId, numSteps }, truth) => {
      numAsked.set(requestId, (numAsked.get(requestId) ?? 0) + 1);
      const tokens = Int32Array.from(truth.slice(0, numSteps));
      return chainOf(tokens, new Float32Array(tokens.length).fill(0.9));
    },
  });
  // The second request's prompt is known by then.
  world.draftMs = ([request]) => {
    const { requestId, start, tokens, numSteps } = request!;
    const isRead = start === 0 && requestId === "second";
    return numSteps + (isRead ? 0 : tokenMs * Math.max(0, tokens.length - 2));
  };
  for (const [requestId, maxTokens] of [["first", 40], ["second", 6]] as const) {
    world.submit(requestId, PROMPT, { maxTokens });
    world.drain();
  }
  return numAsked;
}

Deno.test("a prompt that the drafter has read for another sequence does not have to pay for itself again", () => {
  // Eighty tokens take as long as eight forwards: too long for six tokens, not for forty.
  const numAsked = askTwice(1);
  assert.ok(numAsked.get("first")! > 3, `${[...numAsked]}`);
  assert.ok(numAsked.get("second")! > 0, `${[...numAsked]}`);
});

Deno.test("one that it has not read does", () => {
  const numAsked = askTwice(5);
  assert.equal(numAsked.get("first"), undefined);
  assert.equal(numAsked.get("second"), undefined);
});

Deno.test("bad drafts of sampled tokens do not speak against those of greedy ones", () => {
  const drafting = draftingOf(3, 0.01);
  const world = new World({ drafting, eosTokenIds: [], contextLength: 1024, numPages: 1024 }, {
    makeTree: ({ requestId, numSteps }, truth) => {
      const isRight = requestId === "greedy";
      const tokens = Int32Array.from(truth.slice(0, numSteps), (token) => isRight ? token : token + 1);
      return chainOf(tokens, new Float32Array(tokens.length).fill(0.9));
    },
  });
  world.submit("sampled", PROMPT, { maxTokens: 800, temperature: 1 });
  world.drain();
  const { numSteps } = world.state;
  world.submit("greedy", PROMPT, { maxTokens: 60, temperature: 0 });
  world.drain();
  assert.ok(world.state.numSteps - numSteps < 25, `${world.state.numSteps - numSteps} steps for 60 tokens`);
});

Deno.test("that nothing paid for one sequence does not hold for the next", () => {
  const firstAsked = new Map<string, number>(), drafting = draftingOf(3, 0.01);
  const world = new World({ drafting, eosTokenIds: [], contextLength: 1024, numPages: 1024 }, {
    makeTree: ({ requestId, start, tokens: given, numSteps }, truth) => {
      if (!firstAsked.has(requestId)) firstAsked.set(requestId, start + given.length);
      const isRight = requestId.startsWith("greedy");
      const tokens = Int32Array.from(truth.slice(0, numSteps), (token) => isRight ? token : token + 1);
      return chainOf(tokens, new Float32Array(tokens.length).fill(0.9));
    },
  });
  const generate = (requestId: string, maxTokens: number, temperature: number) => {
    world.submit(requestId, PROMPT, { maxTokens, temperature });
    world.drain();
  };
  generate("greedy", 100, 0);
  generate("sampled", 400, 1);
  let numAtOnce = 0;
  for (let numTokens = 20; numTokens < 28; numTokens++) {
    generate(`sampled ${numTokens}`, numTokens, 1);
    generate(`greedy ${numTokens}`, 20, 0);
    if (firstAsked.get(`greedy ${numTokens}`) === PROMPT.length + 1) numAtOnce++;
  }
  assert.ok(numAtOnce > 4, `drafts for ${numAtOnce} of 8 from their first token on`);
});
