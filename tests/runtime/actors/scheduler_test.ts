import assert from "node:assert/strict";
import type { ActorContext } from "../../../runtime/actor/actor.ts";
import { SimulatedClock } from "../../../runtime/actor/clock.ts";
import { schedulerActor } from "../../../runtime/actors/scheduler.ts";
import type { SchedulerConfig } from "../../../runtime/config.ts";
import type {
  Draft,
  DrafterMessage,
  EngineMessage,
  Forward,
  Progressed,
  SchedulerMessage,
  VerifierMessage,
} from "../../../runtime/messages.ts";
import { defaultSamplingParams, type SamplingParams } from "../../../runtime/sampling/params.ts";
import { chainOf } from "../../../runtime/speculation/draft_tree.ts";
import { worldConfig } from "../../support/scheduler_world.ts";

/** A scheduler whose partners are lists and whose model says 7, in 10 ms a step unless told otherwise. */
async function startScheduler(config: Partial<SchedulerConfig> = {}) {
  const actor = schedulerActor();
  const clock = new SimulatedClock();
  const sent = {
    engine: [] as (Exclude<EngineMessage, Progressed> | Progressed["events"][number])[],
    verifier: [] as VerifierMessage[],
    drafter: [] as DrafterMessage[],
    scheduler: [] as never[],
  };
  const lines: string[] = [], receivers: string[] = [];
  const context: ActorContext = {
    send(to, message) {
      const said = message as EngineMessage;
      (sent[to] as { type: string }[]).push(...said.type === "progressed" ? said.events : [message]);
      receivers.push(`${to} ${message.type}`);
    },
    clock,
    log: (level, text) => void lines.push(`${level} ${text}`),
  };
  await actor.start({ ...worldConfig, ...config }, context);
  const tell = (message: SchedulerMessage) => actor.receive(message, context);
  return {
    sent,
    /** Who was sent what, over all. */
    receivers,
    lines,
    clock,
    tell,
    submit: (requestId: string, prompt: readonly number[], sampling: Partial<SamplingParams> = {}) =>
      tell({
        type: "submit",
        requestId,
        promptTokens: Int32Array.from(prompt),
        sampling: { ...defaultSamplingParams, ignoreEos: true, ...sampling },
      }),
    /** Answers the latest forward. */
    answer: (ms = 10) => {
      const { step, segments } = sent.verifier.findLast((message): message is Forward =>
        message.type === "forward"
      )!;
      clock.advance(ms);
      const results = segments.map(({ sample }) => ({ tokens: Int32Array.from(sample ? [7] : []) }));
      return tell({ type: "forwarded", step, results, forwardMs: 0.9 * ms });
    },
  };
}

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

Deno.test("the models go on before anybody is told what they said", async () => {
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

Deno.test("the engine hears of all requests of a step at once", async () => {
  const { receivers, sent, submit, answer } = await startScheduler();
  submit("a", [1], { maxTokens: 2 });
  submit("b", [2], { maxTokens: 2 });
  answer();
  receivers.length = sent.engine.length = 0;
  answer();
  assert.deepEqual(receivers.filter((receiver) => receiver.startsWith("engine")), ["engine progressed"]);
  const heard = sent.engine.map((event) => "requestId" in event && [event.type, event.requestId]);
  assert.deepEqual(heard, [["tokens", "a"], ["finished", "a"], ["tokens", "b"]]);
});

Deno.test("tokens that come faster than a display shows them are told together, none later than a frame", async () => {
  const { sent, receivers, submit, answer, clock } = await startScheduler();
  submit("r", [1], { maxTokens: 60 });
  const drawnAt: number[] = [], heardAt: number[] = [];
  for (let i = 0; i < 60; i++) {
    answer(2);
    drawnAt.push(clock.now());
    while (heardAt.length < sent.engine.filter(({ type }) => type === "tokens").length) {
      heardAt.push(clock.now());
    }
  }
  assert.equal(heardAt.length, 60);
  assert.ok(heardAt.every((ms, i) => ms - drawnAt[i]! <= 16), `${heardAt} for ${drawnAt}`);
  const numMessages = receivers.filter((receiver) => receiver.startsWith("engine")).length;
  assert.ok(numMessages < 60 / 4, `${numMessages} messages`);
  assert.equal(sent.engine.at(-1)!.type, "finished");
});

Deno.test("the first token of a request and its end are told at once, however fast tokens come", async () => {
  const { sent, submit, answer } = await startScheduler();
  submit("long", [1], { maxTokens: 60 });
  for (let i = 0; i < 10; i++) answer(2);
  submit("short", [2], { maxTokens: 2 });
  answer(2);
  const heard = () => sent.engine.filter((event) => "requestId" in event && event.requestId === "short");
  assert.deepEqual(heard(), [], "it was not in that step");
  answer(2);
  assert.deepEqual(heard().map(({ type }) => type), ["tokens"]);
  answer(2);
  assert.deepEqual(heard().map(({ type }) => type), ["tokens", "tokens", "finished"]);
});

Deno.test("tokens that come slower are told as they come, and so are those among which a text may end the request", async () => {
  for (const [ms, stop] of [[10, []], [2, ["end"]]] as const) {
    const { receivers, submit, answer } = await startScheduler();
    submit("r", [1], { maxTokens: 8, stop });
    for (let i = 0; i < 8; i++) answer(ms);
    const numMessages = receivers.filter((receiver) => receiver.startsWith("engine")).length;
    assert.equal(numMessages, 8, `${ms} ms, ${stop.length} stop texts`);
  }
});

Deno.test("what is refused is told to the engine only", async () => {
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
      : message.starts.map(({ requestId, tokens }) => `start ${requestId} with ${tokens.length}`)
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
  assert.deepEqual(before, {
    numRunning: 0,
    numWaiting: 0,
    numPages: 8,
    numFreePages: 6,
    numEvictablePages: 2,
    numPreemptions: 0,
    numSteps: 3,
    generatedTokens: 3,
    forwardMs: 27,
    draftMs: 0,
    lastGenThroughput: 0,
  });
  assert.deepEqual([after?.numFreePages, after?.numEvictablePages], [8, 0]);
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

const flat = (ms: number) => ({ sizes: [1], ms: [ms] });
const drafting = {
  numSteps: 2,
  topk: 1,
  numNodes: 2,
  adaptive: false,
  looksAhead: false,
  forwardMs: flat(10),
  contextMs: { perSequence: 0, perRow: 0 },
  draftMs: { firstMs: flat(1), levelMs: flat(1), tokenMs: 0 },
};

/** Answers the latest draft with a chain. */
function answerDraft(
  { sent, tell }: Awaited<ReturnType<typeof startScheduler>>,
  drafts: readonly number[],
): void {
  const { step, requests } = sent.drafter.findLast((message): message is Draft => message.type === "draft")!;
  const tree = chainOf(Int32Array.from(drafts), Float32Array.from(drafts, () => 0.5));
  tell({ type: "drafted", step, trees: requests.map(() => tree) });
}

Deno.test("with speculation a decode step is two hops: drafts, then a forward that verifies them", async () => {
  const scheduler = await startScheduler({ drafting, decodeLogInterval: 1 });
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
  tell({ type: "forwarded", step, results: [{ tokens: Int32Array.of(7, 7) }], forwardMs: 9 });
  assert.match(lines.at(-1)!, /accept len: 2\.00, accept rate: 0\.50, cuda graph/);
  const next = drafts().at(-1)!;
  assert.deepEqual([next.requests[0]!.start, [...next.requests[0]!.tokens]], [4, [7, 7]]);
  assert.equal(next.requests[0]!.numSteps, 1, "two tokens are left: a draft and the one after it");
  answerDraft(scheduler, [7]);
  const last = sent.verifier.findLast((message): message is Forward => message.type === "forward")!;
  tell({ type: "forwarded", step: last.step, results: [{ tokens: Int32Array.of(7, 7) }], forwardMs: 9 });
  const finished = sent.engine.at(-1);
  assert.deepEqual(finished?.type === "finished" && finished.usage.speculation, {
    numVerifications: 2,
    numProposed: 3,
    numAccepted: 2,
    acceptedHistogram: [0, 2],
  });
  assert.deepEqual(sent.drafter.at(-1), { type: "release", requestId: "r" });
});

Deno.test("a request that is cancelled or comes while drafts are made disturbs nobody", async () => {
  const scheduler = await startScheduler({ drafting });
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
    () => tell({ type: "drafted", step: 99, trees: [] }),
    /Cannot take drafts of step 99/,
  );
});
