/**
 * Constrained requests in an engine with a fake model: what their clients are told.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { MatcherMessage } from "../../../runtime/messages/actors.ts";
import { fakeConstraint } from "../../support/fake_grammar.ts";
import { collect, requestOf, startTestEngine } from "../../support/test_engine.ts";

Deno.test("aborts, pauses and a flush find a request whose grammar is compiled, which others pass", async () => {
  const told: MatcherMessage[] = [];
  await using engine = await startTestEngine({
    parts: {
      matcher: () => ({
        name: "matcher",
        start() {},
        receive: (message) => void told.push(message),
        stop() {},
      }),
    },
  });
  const constraint = fakeConstraint(1), sampling = { maxTokens: 4, ignoreEos: true };
  const aborted = collect(engine.generate({ ...requestOf("compiling", [1], sampling), constraint }));
  const { tokens } = await collect(engine.generate(requestOf("other", [2], sampling)));
  assert.equal(tokens.length, 4);
  const { numCompiling, numWaiting, numRunning } = await engine.schedulerState();
  assert.deepEqual([numCompiling, numWaiting, numRunning], [1, 0, 0]);
  assert.equal(await engine.flushCache(), false);
  assert.equal(engine.abort("comp", "enough"), 1);
  assert.deepEqual((await aborted).finish, { type: "abort", message: "enough" });
  const paused = collect(engine.generate({ ...requestOf("again", [1], sampling), constraint }));
  await engine.control.pause("abort");
  assert.equal((await paused).finish?.type, "abort");
  assert.equal(await engine.flushCache(), true);
  assert.deepEqual(told.map(({ type }) => type), ["compile", "forget", "compile", "forget"]);
});
