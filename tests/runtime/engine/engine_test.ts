import assert from "node:assert/strict";
import fc from "fast-check";
import type { GenerationUpdate } from "../../../runtime/contracts/generation.ts";
import { expectedTokens, hashModel } from "../../support/fake_verifier.ts";
import { collect, PIECES, pieceTokenizer, requestOf, startTestEngine } from "../../support/test_engine.ts";

const next = hashModel(PIECES.length);
const tokenizer = pieceTokenizer(PIECES);
const TEXTS = ["a", "ab", "b c", "cab", "ca", "é", "😀", " a", "ba\n", "a b"];

/** Tokens until the text holds `stop`, and the text before it. */
function cutAt(tokens: readonly number[], stop: readonly string[]) {
  for (let count = 1; count <= tokens.length; count++) {
    const text = tokenizer.decode(tokens.slice(0, count));
    const ends = stop.flatMap((matched) => {
      const start = text.indexOf(matched);
      return start < 0 ? [] : [{ start, end: start + matched.length, matched }];
    }).sort((a, b) => a.end - b.end || a.start - b.start);
    const first = ends[0];
    if (first !== undefined) {
      return { text: text.slice(0, first.start), matched: first.matched, tokens: tokens.slice(0, count) };
    }
  }
  return undefined;
}

Deno.test("generate yields the model's tokens, their text and exact counts", async () => {
  await using engine = await startTestEngine();
  const prompt = [1, 2, 3];
  const tokens = expectedTokens(next, prompt, { numTokens: 40, stopTokens: [] });
  const whole = await collect(engine.generate(requestOf("r", prompt, { maxTokens: 40, ignoreEos: true })));
  assert.deepEqual(whole.tokens, tokens);
  assert.equal(whole.text, tokenizer.decode(tokens));
  assert.deepEqual(whole.finish, { type: "length", length: 40 });
  assert.deepEqual(whole.usage, {
    numPromptTokens: 3,
    numCompletionTokens: 40,
    numCachedTokens: 0,
    numPreemptions: 0,
  });
});

Deno.test("generate stops at a stop text split over tokens as if the whole text were cut", async () => {
  await using engine = await startTestEngine();
  let numRequests = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: PIECES.length - 1 }), { minLength: 1, maxLength: 8 }),
      fc.uniqueArray(fc.constantFrom(...TEXTS), { minLength: 1, maxLength: 3 }),
      async (prompt, stop) => {
        const sampling = { stop, maxTokens: 48, ignoreEos: true, numLogprobs: 0 };
        const { text, tokens, logprobs, finish, usage } = await collect(
          engine.generate(requestOf(`r${numRequests++}`, prompt, sampling)),
        );
        const all = expectedTokens(next, prompt, { numTokens: 48, stopTokens: [] });
        const cut = cutAt(all, stop);
        assert.equal(text, cut?.text ?? tokenizer.decode(all));
        assert.deepEqual(tokens, cut?.tokens ?? all);
        assert.deepEqual(logprobs?.map(({ token }) => token), tokens);
        assert.equal(usage.numCompletionTokens, tokens.length);
        assert.deepEqual(
          finish,
          cut ? { type: "stop", matched: cut.matched } : { type: "length", length: 48 },
        );
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("a stop text ends the request in the scheduler within one step", async () => {
  let numForwards = 0;
  await using engine = await startTestEngine({
    next: () => 1,
    onForward: () => void numForwards++,
  });
  const { usage } = await collect(engine.generate(requestOf("r", [2], { stop: ["aaa"], maxTokens: 100 })));
  assert.equal(usage.numCompletionTokens, 3);
  assert.ok(numForwards <= 4, `${numForwards} forwards`);
  assert.equal((await engine.schedulerState()).numRunning, 0);
});

Deno.test("the text of an end or stop token is shown only with noStopTrim", async () => {
  const sequence = [1, 2, 4, 3, 0];
  await using engine = await startTestEngine({ next: (prefix) => sequence[prefix.length - 1]! });
  const generate = (requestId: string, sampling: Parameters<typeof requestOf>[2]) =>
    collect(engine.generate(requestOf(requestId, [5], sampling)));

  const ended = await generate("end", { skipSpecialTokens: false });
  assert.deepEqual([ended.text, ended.tokens, ended.finish], ["ab c", sequence, {
    type: "stop",
    matched: 0,
  }]);
  const kept = await generate("kept", { skipSpecialTokens: false, noStopTrim: true });
  assert.equal(kept.text, "ab c<end>");
  const stopped = await generate("stopped", { stopTokenIds: [3] });
  assert.deepEqual([stopped.text, stopped.finish], ["ab ", { type: "stop", matched: 3 }]);
  assert.equal(stopped.usage.numCompletionTokens, 4);
  assert.equal((await generate("stop text", { stop: ["b "], noStopTrim: true })).text, "ab ");
});

Deno.test("streamed text never takes back what may still become a stop text", async () => {
  const sequence = [1, 3, 1, 2, 0];
  await using engine = await startTestEngine({ next: (prefix) => sequence[prefix.length - 1]! });
  let streamed = "";
  for await (const { text, finish } of engine.generate(requestOf("r", [5], { stop: ["cab"] }))) {
    streamed += text;
    assert.ok(!streamed.includes("c"), streamed);
    if (finish) assert.deepEqual(finish, { type: "stop", matched: "cab" });
  }
  assert.equal(streamed, "a");
});

/** Flags that must not change a token, and whether they make sequences lose their pages. */
const SIZES = [
  { name: "plenty of pages", args: {}, preempts: false },
  { name: "prefill in chunks of 3", args: { chunkedPrefillSize: 3 }, preempts: false },
  { name: "a pool that is too small", args: { maxTotalTokens: 104 }, preempts: true },
  { name: "no radix cache", args: { maxTotalTokens: 104, disableRadixCache: true }, preempts: true },
] as const;

for (const { name, args, preempts } of SIZES) {
  Deno.test(`8 concurrent generations equal the same 8 one by one: ${name}`, async () => {
    await using engine = await startTestEngine({ args: { maxRunningRequests: 8, ...args } });
    const requests = Array.from({ length: 8 }, (_, index) => ({
      prompt: Array.from({ length: 3 + 2 * index }, (_, at) => 1 + (at * 7 + index) % 11),
      sampling: { maxTokens: 40 + 6 * index, ignoreEos: true, stop: index % 3 > 0 ? [] : ["ab", "c\n"] },
    }));
    const run = (round: string) =>
      requests.map(({ prompt, sampling }, index) => () =>
        collect(engine.generate(requestOf(`${round}${index}`, prompt, sampling)))
      );
    const alone: GenerationUpdate[] = [];
    for (const generate of run("alone")) alone.push(await generate());
    const together = await Promise.all(run("together").map((generate) => generate()));
    const seen = (updates: GenerationUpdate[]) =>
      updates.map(({ text, tokens, finish }) => ({ text, tokens, finish }));
    assert.deepEqual(seen(together), seen(alone));
    for (const [index, { prompt, sampling: { maxTokens, stop } }] of requests.entries()) {
      const tokens = expectedTokens(next, prompt, { numTokens: maxTokens, stopTokens: [] });
      assert.deepEqual(alone[index]?.tokens, cutAt(tokens, stop)?.tokens ?? tokens);
    }
    const numPreemptions = together.reduce((sum, { usage }) => sum + usage.numPreemptions, 0);
    assert.equal(numPreemptions > 0, preempts);
  });
}

Deno.test("aborting the signal ends a generation within one step", async () => {
  const controller = new AbortController();
  let numForwards = 0;
  await using engine = await startTestEngine({
    onForward: () => {
      if (++numForwards === 5) controller.abort();
    },
  });
  const request = requestOf("r", [1], { maxTokens: 200, ignoreEos: true });
  const { finish, tokens } = await collect(engine.generate(request, controller.signal));
  assert.equal(finish?.type, "abort");
  assert.ok(tokens.length <= 6, `${tokens.length} tokens`);
  assert.ok(numForwards <= 6, `${numForwards} forwards`);
});

Deno.test("a signal aborted beforehand and a loop left early cancel the request", async () => {
  await using engine = await startTestEngine();
  const request = requestOf("r", [1], { maxTokens: 200, ignoreEos: true });
  assert.equal((await collect(engine.generate(request, AbortSignal.abort()))).finish?.type, "abort");
  for await (const _ of engine.generate(request)) break;
  while ((await engine.schedulerState()).numRunning > 0);
  const again = await collect(
    engine.generate({ ...request, sampling: { ...request.sampling, maxTokens: 3 } }),
  );
  assert.equal(again.tokens.length, 3);
});

Deno.test("abort cancels the requests whose ids start with the prefix", async () => {
  await using engine = await startTestEngine();
  const sampling = { maxTokens: 200, ignoreEos: true };
  const generations = ["lone", "job-1", "job-2", "other"].map((requestId) =>
    collect(engine.generate(requestOf(requestId, [1, 2], { ...sampling })))
  );
  assert.equal(engine.abort("lone"), 1);
  assert.equal(engine.abort("job-", "Enough"), 2);
  const finishes = (await Promise.all(generations)).map(({ finish }) => finish);
  assert.deepEqual(finishes.slice(0, 3), [
    { type: "abort", message: "Request was aborted" },
    { type: "abort", message: "Enough" },
    { type: "abort", message: "Enough" },
  ]);
  assert.equal(finishes[3]?.type, "length");
});

Deno.test("a consumer that does not look gets all it missed in one update", async () => {
  await using engine = await startTestEngine();
  const sampling = { maxTokens: 50, ignoreEos: true };
  const updates = engine.generate(requestOf("r", [3], sampling))[Symbol.asyncIterator]();
  const first = await updates.next();
  while ((await engine.schedulerState()).numRunning > 0);
  const second = await updates.next();
  assert.ok(!first.done && !second.done);
  assert.equal(first.value.tokens.length + second.value.tokens.length, 50);
  assert.deepEqual(second.value.finish, { type: "length", length: 50 });
  assert.deepEqual(await updates.next(), { done: true, value: undefined });
});

Deno.test("generate refuses what the model cannot run and names the field", async () => {
  await using engine = await startTestEngine();
  const refused = async (param: string, prompt: number[], sampling: Parameters<typeof requestOf>[2] = {}) =>
    await assert.rejects(
      collect(engine.generate(requestOf("bad", prompt, sampling))),
      { name: "InvalidRequestError", details: { param } },
    );
  await refused("prompt", []);
  await refused("prompt", [PIECES.length]);
  await refused("prompt", [-1]);
  await refused("temperature", [1], { temperature: NaN });
  await refused("temperature", [1], { temperature: -1 });
  await refused("topP", [1], { topP: 0 });
  await refused("topK", [1], { topK: 1.5 });
  await refused("maxTokens", [1], { maxTokens: Infinity });
  for (const seed of [0.5, NaN, 2 ** 53, 2n ** 63n, -(2n ** 63n) - 1n]) await refused("seed", [1], { seed });
  await refused("stop", [1], { stop: ["a", ""] });
  await refused("stopTokenIds", [1], { stopTokenIds: [PIECES.length] });
  await refused("logitBias", [1], { logitBias: [[1, Infinity]] });
  await refused("logitBias", [1], { logitBias: [[99, 1]] });
  await assert.rejects(
    collect(engine.generate(requestOf("long", Array(256).fill(1)))),
    /input \(256 tokens\) is longer than the model's context length \(256 tokens\)/,
  );
  assert.equal(
    (await collect(engine.generate(requestOf("good", [1], { maxTokens: 2 })))).finish?.type,
    "length",
  );
});

Deno.test("generate refuses the id of a live request and leaves that one alone", async () => {
  await using engine = await startTestEngine();
  const request = requestOf("twin", [1], { maxTokens: 30, ignoreEos: true });
  const first = collect(engine.generate(request));
  await assert.rejects(collect(engine.generate(request)), /Duplicate request ID: twin/);
  assert.equal((await first).tokens.length, 30);
});

Deno.test("a token that the tokenizer cannot decode fails its own request only", async () => {
  const tokenizer = pieceTokenizer(PIECES);
  await using engine = await startTestEngine({
    next: (prefix) => prefix[0] === 9 ? 9 : 1,
    engine: {
      tokenizer: {
        ...tokenizer,
        detokenizer: (options) => {
          const detokenizer = tokenizer.detokenizer(options), push = detokenizer.push.bind(detokenizer);
          detokenizer.push = (token) => {
            if (token === 9) throw new RangeError("Cannot decode token 9");
            return push(token);
          };
          return detokenizer;
        },
      },
    },
  });
  const [bad, good] = await Promise.allSettled(
    [[9], [1]].map((prompt) => collect(engine.generate(requestOf(`r${prompt}`, prompt, { maxTokens: 8 })))),
  );
  assert.equal(bad?.status, "rejected");
  assert.match(String(bad.reason), /Cannot decode token 9/);
  assert.equal(good?.status === "fulfilled" && good.value.text, "aaaaaaaa");
  assert.ok(engine.ready);
});

Deno.test("engine: of several names the first is the model's, the others are aliases", async () => {
  await using engine = await startTestEngine({ args: { servedModelName: "org/a, b,,b" } });
  assert.equal(engine.model.servedModelName, "org/a");
  assert.deepEqual(engine.model.modelAliases, ["b"]);
});

Deno.test("the schedule policy decides who of those waiting is first, the tokens stay the same", async () => {
  const beginning = Array.from({ length: 40 }, (_, i) => 1 + i % 11);
  const run = async (schedulePolicy: "fcfs" | "lpm") => {
    await using engine = await startTestEngine({ args: { schedulePolicy, maxRunningRequests: 1 } });
    const ended: string[] = [];
    const say = async (requestId: string, prompt: readonly number[]) => {
      const whole = await collect(
        engine.generate(requestOf(requestId, prompt, { maxTokens: 8, ignoreEos: true })),
      );
      ended.push(requestId);
      return whole.tokens;
    };
    await say("before", beginning);
    const tokens = await Promise.all([
      say("running", [1]),
      say("new", [2, 3, 4]),
      say("known", [...beginning, 5]),
    ]);
    return { ended, tokens };
  };
  const fcfs = await run("fcfs"), lpm = await run("lpm");
  assert.deepEqual(fcfs.ended, ["before", "running", "new", "known"]);
  assert.deepEqual(lpm.ended, ["before", "running", "known", "new"]);
  assert.deepEqual(lpm.tokens, fcfs.tokens);
});
