import assert from "node:assert/strict";
import type { TokenLogprob } from "../../../runtime/contracts/outputs.ts";
import { defaultSamplingParams, type SamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import { submit } from "../../../runtime/admission/admission.ts";
import { commit } from "../../../runtime/scheduling/commit.ts";
import { schedule } from "../../../runtime/scheduling/schedule.ts";
import { createState } from "../../../runtime/scheduling/state.ts";
import { World, worldConfig } from "../../support/scheduler_world.ts";

const logprobOf = (token: number): TokenLogprob => ({ token, logprob: -token, top: [[token, -token]] });

/** Events that a client gets if the model draws `drawn` at once after a prompt of one token. */
function outcome(sampling: Partial<SamplingParams>, drawn: readonly number[]) {
  const state = createState({ ...worldConfig, eosTokenIds: [0, 99] });
  submit(state, {
    type: "submit",
    requestId: "r",
    promptTokens: Int32Array.of(1),
    sampling: { ...defaultSamplingParams, ...sampling },
  });
  const { forward: { step } } = schedule(state)!;
  const logprobs = drawn.map(logprobOf);
  const events = commit(state, {
    type: "forwarded",
    step,
    results: [{ tokens: Int32Array.from(drawn), accepted: new Int32Array(0), logprobs }],
    forwardMs: 1,
  });
  const tokens = events.find((event) => event.type === "tokens");
  const finished = events.find((event) => event.type === "finished");
  return {
    tokens: [...tokens?.tokens ?? []],
    logprobs: tokens?.logprobs,
    reason: finished?.reason,
    numCompletionTokens: finished?.usage.numCompletionTokens,
  };
}

Deno.test("a run of tokens is cut at the first that ends the request, which is kept", () => {
  const stop = (matched: number, tokens: number[]) => ({
    tokens,
    logprobs: tokens.map(logprobOf),
    reason: { type: "stop", matched },
    numCompletionTokens: tokens.length,
  });
  assert.deepEqual(outcome({}, [5, 0, 7]), stop(0, [5, 0]));
  assert.deepEqual(outcome({}, [99, 7]), stop(99, [99]));
  assert.deepEqual(outcome({ stopTokenIds: [7] }, [5, 6, 7, 0]), stop(7, [5, 6, 7]));
  assert.deepEqual(
    outcome({ maxTokens: 2 }, [5, 0, 7]),
    stop(0, [5, 0]),
    "an end token at the limit is a stop",
  );
  assert.deepEqual(outcome({ maxTokens: 2 }, [5, 6, 0]), {
    tokens: [5, 6],
    logprobs: [5, 6].map(logprobOf),
    reason: { type: "length", length: 2 },
    numCompletionTokens: 2,
  });
});

Deno.test("a run that ends nothing is kept whole", () => {
  assert.deepEqual(outcome({}, [5, 6, 7]).tokens, [5, 6, 7]);
  assert.equal(outcome({}, [5, 6, 7]).reason, undefined);
});

Deno.test("ignoreEos ignores end tokens and stop tokens alike", () => {
  const { tokens, reason } = outcome({ ignoreEos: true, stopTokenIds: [7] }, [0, 7, 99]);
  assert.deepEqual(tokens, [0, 7, 99]);
  assert.equal(reason, undefined);
});

Deno.test("maxTokens 0 computes the prompt and yields its logprobs, but no token", () => {
  const world = new World({ chunkedPrefillSize: 4, pageSize: 2 });
  const plain = world.submit("plain", [1, 2, 3], { maxTokens: 0 });
  const scored = world.submit("scored", [4, 5, 6, 7, 8, 9], {
    maxTokens: 0,
    promptLogprobStart: 1,
    numLogprobs: 0,
  });
  world.drain();
  for (const client of [plain, scored]) {
    assert.deepEqual(client.tokens, []);
    assert.deepEqual(client.last?.type === "finished" && client.last.reason, { type: "length", length: 0 });
  }
  assert.equal(plain.promptLogprobs, undefined);
  assert.deepEqual(scored.promptLogprobs?.map(({ token }) => token), [5, 6, 7, 8, 9]);
  const warm = world.submit("warm", [4, 5, 6, 7, 8, 9], { maxTokens: 1 });
  world.drain();
  assert.equal(warm.last?.type === "finished" && warm.last.usage.numCachedTokens, 4);
});

Deno.test("a chunk's full pages can be used by others before the prompt is done", () => {
  const world = new World({ chunkedPrefillSize: 8, pageSize: 4 });
  const prompt = Array.from({ length: 16 }, (_, i) => i + 1);
  world.submit("first", prompt, { maxTokens: 1 });
  world.step();
  const twin = world.submit("twin", prompt.slice(0, 9), { maxTokens: 1 });
  world.drain();
  assert.equal(twin.last?.type === "finished" && twin.last.usage.numCachedTokens, 8);
});

Deno.test("equal prompts computed at the same time end up in the same pages", () => {
  const world = new World({ pageSize: 4, chunkedPrefillSize: 64, maxRows: 64 });
  const prompt = Array.from({ length: 14 }, (_, i) => i + 1);
  for (const requestId of ["a", "b", "c"]) {
    world.submit(requestId, prompt, { maxTokens: 20, ignoreEos: true });
  }
  world.begin();
  const numUsed = () => world.config.numPages - world.state.allocator.numFree;
  assert.equal(numUsed(), 3 * 4);
  world.end();
  assert.equal(numUsed(), 3 + 3 * 1);
  world.drain();
  for (const client of world.clients.values()) assert.deepEqual(client.tokens, world.truth(prompt, 20));
});

Deno.test("the outcome of another step is refused", () => {
  const state = createState(worldConfig);
  assert.throws(
    () => commit(state, { type: "forwarded", step: 3, results: [], forwardMs: 1 }),
    /Cannot commit step 3: step none is in flight/,
  );
});
