import assert from "node:assert/strict";
import type { Forward, Segment } from "../../../runtime/messages/scheduler_verifier.ts";
import { MessageGuard } from "../../support/message_guard.ts";
import { collect, requestOf, startTestEngine } from "../../support/test_engine.ts";

/** A guard whose receivers keep what they are sent. */
function guarded() {
  const guard = new MessageGuard(), [near, far] = guard.channels();
  const received: unknown[] = [];
  near.listen((message) => received.push(message));
  far.listen((message) => received.push(message));
  return { guard, near, far, received };
}

Deno.test("a guarded channel passes messages on as they are", () => {
  const { guard, near, far, received } = guarded();
  const message = { type: "draft", tokens: Int32Array.of(1), deep: [{ a: 1 }] };
  near.send(message);
  far.send(message);
  assert.ok(received.length === 2 && received.every((one) => one === message));
  guard.assertUnchanged();
  assert.equal(guard.numSent, 2);
});

Deno.test("a change of a sent object throws where it is made", () => {
  const { near } = guarded();
  const message = { type: "draft", requests: [{ start: 0 }] };
  near.send(message);
  assert.throws(() => message.requests[0]!.start = 1, TypeError);
  assert.throws(() => message.requests.push({ start: 2 }), TypeError);
  assert.throws(() => Object.assign(message, { step: 1 }), TypeError);
});

Deno.test("a change of a sent typed array is found at the next message of any channel, or when asked for", () => {
  const { guard, near, far } = guarded(), [other] = guard.channels();
  const tokens = Int32Array.of(1, 2), expected = /forward\.segments\.0\.tokens was changed after it was sent/;
  near.send({ type: "forward", segments: [{ tokens }] });
  tokens[1] = 3;
  assert.throws(() => guard.assertUnchanged(), expected);
  assert.throws(() => far.send({ type: "forwarded" }), expected);
  assert.throws(() => other.send({ type: "release" }), expected);
  tokens[1] = 2;
  far.send({ type: "forwarded" });
});

Deno.test("a part of a larger buffer, and what is not plain data, cannot be sent", () => {
  const { near } = guarded();
  assert.throws(() => near.send({ type: "draft", pages: new Int32Array(4).subarray(1) }), /part of a buffer/);
  assert.throws(() => near.send({ type: "draft", trees: new Map() }), /draft\.trees is a Map/);
});

/** What a receiver must not do to a forward. */
const CHANGES: readonly [name: string, change: (forward: Forward) => unknown, expected: RegExp][] = [
  ["a typed array", ({ segments }) => segments[0]!.tokens[0]!++, /\.tokens was changed after it was sent/],
  ["a list", ({ segments }) => (segments as Segment[]).pop(), /Cannot delete property|read only/],
];

for (const [name, change, expected] of CHANGES) {
  Deno.test(`an engine crashes when its verifier changes ${name} of a message`, async () => {
    const crash = Promise.withResolvers<Error>();
    await using engine = await startTestEngine({
      onForward: (forward) => void change(forward),
      engine: { onCrash: crash.resolve },
    });
    const request = requestOf("r", [1, 2, 3], { maxTokens: 8, ignoreEos: true });
    await assert.rejects(collect(engine.generate(request)), expected);
    assert.match((await crash.promise).message, expected);
  });
}
