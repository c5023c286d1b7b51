/**
 * What the scheduler says to the matcher.
 *
 * @module
 */
import assert from "node:assert/strict";
import { InvalidRequestError, toWireError } from "../../../runtime/contracts/errors.ts";
import type { Forward } from "../../../runtime/messages/scheduler_verifier.ts";
import { fakeConstraint } from "../../support/fake_grammar.ts";
import { startScheduler } from "../../support/scheduler_actor.ts";

const constraint = fakeConstraint(1);

Deno.test("a constrained request is compiled, runs, and is forgotten; one without a constraint is no business of the matcher's", async () => {
  const { sent, tell, submit, answer } = await startScheduler();
  submit("free", [1], { maxTokens: 2 });
  submit("r", [1, 2, 3], { maxTokens: 1 }, { constraint });
  assert.deepEqual(sent.matcher, [{ type: "compile", requestId: "r", constraint }]);
  answer();
  tell({ type: "compiled", requestId: "r" });
  answer();
  const starts = sent.verifier.flatMap((message) => (message as Forward).starts ?? []);
  assert.deepEqual(starts.map(({ requestId, isConstrained }) => [requestId, isConstrained]), [
    ["free", undefined],
    ["r", true],
  ]);
  answer();
  assert.deepEqual(sent.matcher.slice(1), [{ type: "forget", requestId: "r" }]);
  assert.equal(sent.engine.filter(({ type }) => type === "finished").length, 2);
});

Deno.test("a compiled request starts at once where nothing runs", async () => {
  const { sent, tell, submit } = await startScheduler();
  submit("r", [1], {}, { constraint });
  assert.equal(sent.verifier.length, 0);
  tell({ type: "compiled", requestId: "r" });
  assert.equal(sent.verifier.length, 1);
});

Deno.test("a grammar that cannot be compiled fails its request; of one that has ended nothing is said", async () => {
  const { sent, tell, submit } = await startScheduler();
  const error = toWireError(new InvalidRequestError("Cannot compile grammar: it takes too long", "regex"));
  for (const requestId of ["refused", "cancelled"]) submit(requestId, [1], {}, { constraint });
  tell({ type: "compiled", requestId: "refused", error });
  tell({ type: "cancel", requestId: "cancelled" });
  tell({ type: "compiled", requestId: "cancelled", error });
  tell({ type: "compiled", requestId: "cancelled" });
  assert.deepEqual(sent.engine.map((event) => [event.type, "requestId" in event && event.requestId]), [
    ["failed", "refused"],
    ["finished", "cancelled"],
  ]);
  assert.deepEqual(sent.matcher.slice(2).map(({ type }) => type), ["forget", "forget"]);
  assert.equal(sent.verifier.length, 0);
});

Deno.test("a preempted sequence keeps its matcher", async () => {
  const { sent, tell, submit, answer } = await startScheduler({ numPages: 20, pageSize: 1 });
  for (const requestId of ["a", "b"]) {
    submit(requestId, [1], { maxTokens: 12 }, { constraint });
    tell({ type: "compiled", requestId });
  }
  const releases = () => sent.verifier.filter(({ type }) => type === "release");
  for (let i = 0; i < 40 && releases().length === 0; i++) answer();
  assert.equal(releases().length, 1);
  assert.deepEqual(sent.matcher.map(({ type }) => type), ["compile", "compile"]);
  for (let i = 0; i < 40 && sent.engine.filter(({ type }) => type === "finished").length < 2; i++) answer();
  assert.deepEqual(sent.matcher.slice(2).map(({ type }) => type), ["forget", "forget"]);
});
