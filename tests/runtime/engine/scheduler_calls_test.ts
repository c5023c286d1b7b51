/**
 * @module
 */
import { strict as assert } from "node:assert";
import { type Call, SchedulerCalls } from "../../../runtime/engine/scheduler_calls.ts";

Deno.test("a call is answered by its own kind of answer, whatever comes before it", async () => {
  const sent: Call[] = [], calls = new SchedulerCalls((command) => sent.push(command));
  const over: string[] = [];
  const pause = calls.call({ type: "pause", mode: "in_place" }).then(() => over.push("pause"));
  const configure = calls.call({ type: "configure", settings: {} }).then(() => over.push("configure"));
  const flushes = [calls.call({ type: "flush" }), calls.call({ type: "flush" })];
  assert.deepEqual(sent.map(({ type }) => type), ["pause", "configure", "flush", "flush"]);
  // A pause is answered when a step is over, settings at once.
  calls.onAnswer({ type: "configured" });
  calls.onAnswer({ type: "flushed", done: true });
  calls.onAnswer({ type: "flushed", done: false });
  assert.deepEqual((await Promise.all(flushes)).map(({ done }) => done), [true, false]);
  await configure;
  assert.deepEqual(over, ["configure"]);
  calls.onAnswer({ type: "paused" });
  await pause;
});

Deno.test("calls fail with the scheduler, and one that cannot be sent waits for nothing", async () => {
  let isGone = false;
  const calls = new SchedulerCalls(() => {
    if (isGone) throw new Error("gone");
  });
  const inspection = calls.call({ type: "inspect" });
  calls.fail(new Error("crashed"));
  await assert.rejects(inspection, /crashed/);
  isGone = true;
  await assert.rejects(calls.call({ type: "inspect" }), /gone/);
  isGone = false;
  const next = calls.call({ type: "resume" });
  calls.onAnswer({ type: "resumed" });
  assert.deepEqual(await next, { type: "resumed" });
});
