import assert from "node:assert/strict";
import { defaultSamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import type { Draft } from "../../../runtime/messages/scheduler_drafter.ts";
import type { Forward } from "../../../runtime/messages/scheduler_verifier.ts";
import { answerDraft, fixedDrafting, startScheduler } from "../../support/scheduler_actor.ts";

Deno.test("a request goes to the verifier at once, its tokens to the engine, its end to all", async () => {
  const { sent, submit, answer } = await startScheduler();
  submit("r", [1, 2, 3], { maxTokens: 2 });
  assert.equal(sent.verifier.length, 1);
  answer();
  answer();
  assert.deepEqual(sent.verifier.map(({ type }) => type), ["forward", "forward", "release"]);
  assert.deepEqual(sent.drafter, [{ type: "release", requestId: "r" }]);
  assert.deepEqual(sent.engine.map(({ type }) => type), ["tokens", "tokens", "finished"]);
});

Deno.test("the next step is sent before the tokens of the last", async () => {
  const { receivers, submit, answer } = await startScheduler();
  submit("short", [1, 2], { maxTokens: 1 });
  submit("long", [3, 4], { maxTokens: 3 });
  answer();
  receivers.length = 0;
  answer();
  assert.deepEqual(receivers, ["verifier forward", "engine progressed"]);
});

Deno.test("a scheduler without work sends nothing", async () => {
  const { sent, tell, submit, answer } = await startScheduler();
  tell({ type: "cancel", requestId: "unknown" });
  submit("r", [1], { maxTokens: 1 });
  answer();
  const numSent = sent.verifier.length;
  tell({ type: "cancel", requestId: "r" });
  assert.equal(sent.verifier.length, numSent);
  assert.equal(sent.engine.length, 2);
});

Deno.test("the engine is sent the events of all requests of a step at once", async () => {
  const { receivers, sent, submit, answer } = await startScheduler();
  submit("a", [1], { maxTokens: 2 });
  submit("b", [2], { maxTokens: 2 });
  answer();
  receivers.length = sent.engine.length = 0;
  answer();
  assert.deepEqual(receivers.filter((receiver) => receiver.startsWith("engine")), ["engine progressed"]);
  const received = sent.engine.map((event) => "requestId" in event && [event.type, event.requestId]);
  assert.deepEqual(received, [["tokens", "a"], ["finished", "a"], ["tokens", "b"]]);
});

Deno.test("a refused request is reported to the engine only", async () => {
  const { sent, submit } = await startScheduler({ contextLength: 3 });
  submit("r", [1, 2, 3]);
  assert.equal(sent.engine[0]?.type, "failed");
  assert.equal(sent.verifier.length, 0);
});

Deno.test("a preempted sequence is released before the next forward, and started again later", async () => {
  const { sent, lines, submit, answer } = await startScheduler({ numPages: 20, pageSize: 1 });
  submit("a", [1], { maxTokens: 12 });
  submit("b", [2], { maxTokens: 12 });
  const numFinished = () => sent.engine.filter(({ type }) => type === "finished").length;
  for (let i = 0; i < 40 && numFinished() < 2; i++) answer();
  assert.equal(numFinished(), 2);
  const life = sent.verifier.flatMap((message) =>
    message.type === "release"
      ? [`release ${message.requestId}`]
      : (message as Forward).starts.map(({ requestId, tokens }) => `start ${requestId} with ${tokens.length}`)
  );
  assert.deepEqual(life, [
    "start a with 1",
    "start b with 1",
    "release b",
    "release a",
    "start b with 10",
    "release b",
  ]);
  assert.deepEqual(sent.drafter, ["b", "a", "b"].map((requestId) => ({ type: "release", requestId })));
  const alone = sent.verifier.findIndex((message, i) =>
    i > 1 && message.type === "forward" && message.segments.every(({ requestId }) => requestId === "a")
  );
  assert.deepEqual(sent.verifier[alone - 1], { type: "release", requestId: "b" });
  assert.deepEqual(lines.filter((line) => line.startsWith("warning")), [
    "warning KV cache pool is full. Retract requests. #retracted_reqs: 1",
  ]);
});

Deno.test("flush and inspect are answered", async () => {
  const { sent, tell, submit, answer } = await startScheduler({ numPages: 8, pageSize: 2 });
  submit("r", [1, 2, 3], { maxTokens: 3 });
  tell({ type: "flush" });
  for (let i = 0; i < 3; i++) answer();
  tell({ type: "inspect" });
  tell({ type: "flush" });
  tell({ type: "inspect" });
  const flushes = sent.engine.filter((message) => message.type === "flushed");
  assert.deepEqual(flushes.map(({ done }) => done), [false, true]);
  const [before, after] = sent.engine.filter((message) => message.type === "inspected").map(({ state }) =>
    state
  );
  const { promptRowMs, promptSeenMs, ...counted } = before!;
  assert.ok(promptRowMs > 0 && promptSeenMs > 0);
  assert.deepEqual(counted, {
    numRunning: 0,
    numDecodeTokens: 0,
    numWaiting: 0,
    numCompiling: 0,
    numPreempted: 0,
    numWaitingTokens: 0,
    numWaitingClients: 0,
    reserveRatio: 0.7 - 3 * 0.001,
    stepBoundMs: null,
    isPaused: false,
    numPaused: 0,
    maxRunningRequests: 8,
    maxTotalTokens: 16,
    numUsedTokens: 0,
    numPages: 8,
    numFreePages: 6,
    numEvictablePages: 2,
    numPreemptions: 0,
    numSteps: 3,
    numPrefillSteps: 1,
    numDrafts: 0,
    prefillTokens: 3,
    promptTokens: 3,
    cachedTokens: 0,
    generatedTokens: 3,
    forwardMs: 27,
    prefillForwardMs: 9,
    draftMs: 0,
    commitMs: 0,
    lastGenThroughput: 0,
  });
  assert.deepEqual([after?.numFreePages, after?.numEvictablePages], [8, 0]);
});

Deno.test("a pause is answered when the step in flight is over and its tokens are sent", async () => {
  const { sent, tell, submit, answer } = await startScheduler();
  submit("r", [1, 2, 3], { maxTokens: 9 });
  tell({ type: "pause", mode: "retract" });
  tell({ type: "pause", mode: "retract" });
  assert.equal(sent.engine.length, 0);
  answer();
  assert.deepEqual(sent.engine.map(({ type }) => type), ["tokens", "paused", "paused"]);
  assert.deepEqual(sent.verifier.map(({ type }) => type), ["forward", "release"]);
  tell({ type: "pause", mode: "in_place" });
  assert.equal(sent.engine.at(-1)?.type, "paused");
  tell({ type: "resume" });
  assert.equal(sent.verifier.at(-1)?.type, "forward");
});

Deno.test("a pause that ends before the step in flight does is answered before its end is", async () => {
  const { sent, tell, submit, answer } = await startScheduler();
  submit("r", [1, 2, 3], { maxTokens: 9 });
  tell({ type: "pause", mode: "in_place" });
  tell({ type: "resume" });
  assert.deepEqual(sent.engine.map(({ type }) => type), ["paused", "resumed"]);
  answer();
  assert.equal(sent.engine.filter(({ type }) => type === "paused").length, 1);
});

Deno.test("prefills are logged, and every few decode steps their throughput, idle time left out", async () => {
  const { lines, clock, sent, tell, submit, answer } = await startScheduler({ decodeLogInterval: 2 });
  submit("a", [1, 2], { maxTokens: 2 });
  for (let i = 0; i < 2; i++) answer();
  clock.advance(60_000);
  submit("b", [3, 4], { maxTokens: 4 });
  for (let i = 0; i < 2; i++) answer();
  submit("c", [5, 6], { maxTokens: 4 });
  for (let i = 0; i < 2; i++) answer();
  assert.deepEqual(lines.map((line) => line.replace(/\. .*/, "")), [
    "info Prefill batch",
    "info Prefill batch",
    "info Decode batch",
    "info Prefill batch",
    "info Decode batch",
  ]);
  const throughputs = lines.flatMap((line) => line.match(/throughput \(token\/s\): ([\d.]+)/)?.[1] ?? []);
  // Steps take 10 ms; the last one yields a token of b and one of c.
  assert.deepEqual(throughputs, ["100.00", "150.00"]);
  tell({ type: "inspect" });
  const inspected = sent.engine.at(-1);
  assert.equal(inspected?.type === "inspected" && inspected.state.lastGenThroughput, 150);
});

Deno.test("an answer to no question is a crash", async () => {
  const { tell } = await startScheduler();
  assert.throws(
    () => tell({ type: "forwarded", step: 1, results: [], forwardMs: 1 }),
    /Cannot commit step 1/,
  );
});

Deno.test("with speculation a decode step is two hops: drafts, then a forward that verifies them", async () => {
  const scheduler = await startScheduler({ drafting: fixedDrafting, decodeLogInterval: 1 });
  const { sent, lines, submit, answer, tell } = scheduler;
  submit("r", [1, 2, 3], { maxTokens: 5 });
  const drafts = () => sent.drafter.filter((message): message is Draft => message.type === "draft");
  assert.deepEqual(drafts(), [], "a prompt needs no drafts");
  answer();
  const [draft] = drafts();
  assert.deepEqual(draft!.requests.map(({ requestId, start, tokens }) => [requestId, start, [...tokens]]), [
    ["r", 0, [1, 2, 3, 7]],
  ]);
  assert.equal(sent.verifier.length, 1, "the forward waits for the drafts");
  answerDraft(scheduler, [7, 8]);
  const [, forward] = sent.verifier as Forward[];
  assert.deepEqual([...forward!.segments[0]!.tree!.tokens], [7, 8]);
  // The first draft is what the model says, the second is not.
  const { step } = forward!;
  const results = [{ tokens: Int32Array.of(7, 7), accepted: Int32Array.of(0) }];
  tell({ type: "forwarded", step, results, forwardMs: 9 });
  assert.match(lines.at(-1)!, /accept len: 2\.00, accept rate: 0\.50, cuda graph/);
  const next = drafts().at(-1)!;
  assert.deepEqual([next.requests[0]!.start, [...next.requests[0]!.tokens]], [4, [7, 7]]);
  assert.equal(next.requests[0]!.numSteps, 1, "two tokens are left: a draft and the one after it");
  answerDraft(scheduler, [7]);
  const last = sent.verifier.findLast((message): message is Forward => message.type === "forward")!;
  tell({ type: "forwarded", step: last.step, results, forwardMs: 9 });
  const finished = sent.engine.at(-1);
  assert.deepEqual(finished?.type === "finished" && finished.usage.speculation, {
    numVerifications: 2,
    numProposed: 3,
    numAccepted: 2,
    proposedHistogram: [2, 1],
    acceptedHistogram: [0, 2],
  });
  assert.deepEqual(sent.drafter.at(-1), { type: "release", requestId: "r" });
});

Deno.test("a request that is cancelled or comes while drafts are made disturbs nobody", async () => {
  const scheduler = await startScheduler({ drafting: fixedDrafting });
  const { sent, submit, answer, tell } = scheduler;
  submit("a", [1], { maxTokens: 9 });
  submit("b", [2], { maxTokens: 9 });
  answer();
  answerDraft(scheduler, [7, 7]);
  answer();
  const numForwards = sent.verifier.length;
  tell({ type: "cancel", requestId: "a" });
  submit("c", [3], { maxTokens: 9 });
  assert.equal(sent.verifier.length, numForwards + 1, "only the release");
  answerDraft(scheduler, [7, 7]);
  const forward = sent.verifier.at(-1) as Forward;
  assert.deepEqual(forward.segments.map(({ requestId, tree }) => [requestId, tree?.tokens.length]), [
    ["b", 2],
    ["c", undefined],
  ]);
  assert.throws(
    () => tell({ type: "drafted", step: 99, trees: [], numRead: new Int32Array(0) }),
    /Cannot take drafts of step 99/,
  );
});

Deno.test("the first tokens of a request, and its end, say how long it was in the queue", async () => {
  const { sent, clock, submit, answer, tell } = await startScheduler({ maxRunningRequests: 1 });
  submit("a", [1], { maxTokens: 1 });
  submit("b", [2], { maxTokens: 2 });
  submit("c", [3], { maxTokens: 2 });
  clock.advance(30);
  tell({ type: "cancel", requestId: "c" });
  for (let i = 0; i < 3; i++) answer();
  const times = sent.engine.flatMap((event) =>
    event.type === "tokens" || event.type === "finished"
      ? [[event.type, event.requestId, event.queueMs] as const]
      : []
  );
  assert.deepEqual(times, [
    ["finished", "c", undefined],
    ["tokens", "a", 0],
    ["finished", "a", 0],
    ["tokens", "b", 40],
    ["tokens", "b", undefined],
    ["finished", "b", 40],
  ]);
});

Deno.test("after 256 verifications fixed trees that do not pay are warned of, once", async () => {
  const expensive = { ...fixedDrafting, forwardMs: { sizes: [1, 3], ms: [10, 40] } };
  const none = { sizes: [1], ms: [0] };
  const free = { ...fixedDrafting, draftMs: { firstMs: none, levelMs: none, tokenMs: 0 } };
  for (const drafting of [expensive, free, { ...expensive, adaptive: true }]) {
    const scheduler = await startScheduler({ drafting, contextLength: 2000, numPages: 600 });
    const { lines, sent, submit, answer } = scheduler;
    submit("r", [1], { maxTokens: 400 });
    answer();
    const warnings: number[] = [];
    for (let numSteps = 1, numDrafts = 0; numSteps <= 300; numSteps++) {
      if (sent.drafter.length > numDrafts) {
        numDrafts = sent.drafter.length;
        answerDraft(scheduler, [8, 8]);
      }
      answer();
      while (lines.filter((line) => line.startsWith("warning")).length > warnings.length) {
        warnings.push(numSteps);
      }
    }
    assert.deepEqual(warnings, drafting === expensive ? [256] : []);
    const shown = lines.filter((line) => line.startsWith("warning"));
    // Nothing was accepted, and (40 + 2) / 10 would have to be.
    if (drafting === expensive) {
      assert.match(shown[0]!, /0\.24x .* break-even 4\.20, 1\.00 in the first 256 /);
    }
  }
});

Deno.test("that warning is about sequences that drafts are made for, whatever else decodes beside them", async () => {
  const drafting = { ...fixedDrafting, forwardMs: { sizes: [1, 3, 12], ms: [10, 10, 90] } };
  const scheduler = await startScheduler({ drafting, contextLength: 2000, numPages: 1000 });
  const { lines, sent, answer, tell } = scheduler;
  const sampling = { ...defaultSamplingParams, ignoreEos: true, maxTokens: 400 };
  for (const requestId of ["drafted", "a", "b", "c"]) {
    const promptTokens = Int32Array.of(1), speculative = requestId === "drafted";
    tell({ type: "submit", requestId, promptTokens, sampling, speculative });
  }
  for (let numSteps = 0, numDrafts = 0; numSteps < 300; numSteps++) {
    if (sent.drafter.length > numDrafts) {
      numDrafts = sent.drafter.length;
      answerDraft(scheduler, [8, 8]);
    }
    answer();
  }
  // A draft of 2 and a forward of 10 in place of one of 10; for all four it would be 90 in place of 19.
  assert.match(lines.filter((line) => line.startsWith("warning")).join(), /^.* break-even 1\.20, [^\n]*$/);
});
