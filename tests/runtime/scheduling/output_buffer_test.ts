import assert from "node:assert/strict";
import { answerDraft, fixedDrafting, type Sent, startScheduler } from "../../support/scheduler_actor.ts";

const numTokensReceived = ({ engine }: Sent) => engine.filter(({ type }) => type === "tokens").length;

Deno.test("tokens that come faster than a display shows them are sent together, none later than a frame", async () => {
  const { sent, receivers, submit, answer, clock } = await startScheduler();
  submit("r", [1], { maxTokens: 60 });
  const drawnAt: number[] = [], receivedAt: number[] = [];
  for (let i = 0; i < 60; i++) {
    answer(2);
    drawnAt.push(clock.now());
    while (receivedAt.length < numTokensReceived(sent)) {
      receivedAt.push(clock.now());
    }
  }
  assert.equal(receivedAt.length, 60);
  assert.ok(receivedAt.every((ms, i) => ms - drawnAt[i]! <= 16), `${receivedAt} for ${drawnAt}`);
  const numMessages = receivers.filter((receiver) => receiver.startsWith("engine")).length;
  assert.ok(numMessages < 60 / 4, `${numMessages} messages`);
  assert.equal(sent.engine.at(-1)!.type, "finished");
});

Deno.test("the first token of a request and its end are sent at once, however fast tokens come", async () => {
  const { sent, submit, answer } = await startScheduler();
  submit("long", [1], { maxTokens: 60 });
  for (let i = 0; i < 10; i++) answer(2);
  submit("short", [2], { maxTokens: 2 });
  answer(2);
  const received = () => sent.engine.filter((event) => "requestId" in event && event.requestId === "short");
  assert.deepEqual(received(), [], "it was not in that step");
  answer(2);
  assert.deepEqual(received().map(({ type }) => type), ["tokens"]);
  answer(2);
  assert.deepEqual(received().map(({ type }) => type), ["tokens", "tokens", "finished"]);
});

Deno.test("tokens that come slower are sent as they come, and so are those among which a text may end the request", async () => {
  for (const [ms, stop] of [[10, []], [2, ["end"]]] as const) {
    const { receivers, submit, answer } = await startScheduler();
    submit("r", [1], { maxTokens: 8, stop });
    for (let i = 0; i < 8; i++) answer(ms);
    const numMessages = receivers.filter((receiver) => receiver.startsWith("engine")).length;
    assert.equal(numMessages, 8, `${ms} ms, ${stop.length} stop texts`);
  }
});

Deno.test("before a step with prompts, which takes long, everything is sent", async () => {
  const { sent, submit, answer } = await startScheduler();
  submit("a", [1], { maxTokens: 60 });
  for (let i = 0; i < 3; i++) answer(2);
  assert.equal(numTokensReceived(sent), 1, "two wait");
  submit("b", [2, 3], { maxTokens: 60 });
  answer(2);
  assert.equal(numTokensReceived(sent), 4, "the prompt is being read");
});

Deno.test("and so it is if the request came while drafts were made", async () => {
  const scheduler = await startScheduler({ drafting: fixedDrafting });
  const { sent, submit, answer } = scheduler;
  submit("a", [1], { maxTokens: 60 });
  answer(2);
  for (let i = 0; i < 2; i++) {
    answerDraft(scheduler, [8, 8]);
    answer(2);
  }
  assert.equal(numTokensReceived(sent), 1, "two wait");
  submit("b", [2, 3], { maxTokens: 60 });
  answerDraft(scheduler, [8, 8]);
  assert.equal(numTokensReceived(sent), 3, "the prompt is being read");
});

Deno.test("what happens between steps does not make them seem short", async () => {
  const { sent, clock, submit, answer } = await startScheduler({ contextLength: 100 });
  submit("a", [1], { maxTokens: 60 });
  answer(30);
  clock.advance(29);
  submit("refused", Array.from({ length: 100 }, () => 1));
  assert.equal(sent.engine.at(-1)!.type, "failed");
  answer(1);
  assert.equal(numTokensReceived(sent), 2, "the next comes in 30 ms");
});
