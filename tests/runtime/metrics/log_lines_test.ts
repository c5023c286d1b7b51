import assert from "node:assert/strict";
import { decodeLine, prefillLine } from "../../../runtime/metrics/log_lines.ts";
import { numUsedTokens, poolTokens } from "../../../runtime/sequences/pages.ts";
import { World } from "../../support/scheduler_world.ts";

function loadOf({ state }: World) {
  const { config, waiting } = state;
  return { numUsedTokens: numUsedTokens(state), poolTokens: poolTokens(config), numWaiting: waiting.size };
}

Deno.test("lines are SGLang's; cached pages nobody uses are not usage", () => {
  const world = new World({ numPages: 100, pageSize: 1, maxRunningRequests: 2 });
  const prompt = [1, 2, 3, 4, 5, 6, 7, 8];
  world.submit("first", prompt, { maxTokens: 1 });
  const first = world.begin()!;
  assert.equal(
    prefillLine(loadOf(world), first),
    "Prefill batch. #new-seq: 1, #new-token: 8, #cached-token: 0, token usage: 0.08, #running-req: 0, #queue-req: 0",
  );
  world.end();
  for (const requestId of ["a", "b", "c"]) {
    world.submit(requestId, [...prompt, 9], { maxTokens: 20, ignoreEos: true });
  }
  const second = world.begin()!;
  assert.equal(
    prefillLine(loadOf(world), second),
    "Prefill batch. #new-seq: 2, #new-token: 2, #cached-token: 16, token usage: 0.10, #running-req: 0, #queue-req: 1",
  );
  world.end();
  const { numDecoding } = world.step()!;
  assert.equal(
    decodeLine(loadOf(world), { numDecoding, ranGraph: true }, 312.449),
    "Decode batch. #running-req: 2, #token: 11, token usage: 0.11, cuda graph: True, " +
      "gen throughput (token/s): 312.45, #queue-req: 1",
  );
  world.drain();
  world.submit("alone", [30], { maxTokens: 2, ignoreEos: true });
  const { numPrefilling } = world.begin()!;
  assert.equal(numPrefilling, 1);
  assert.match(
    decodeLine(loadOf(world), { numDecoding: 0, ranGraph: false }, 0),
    /#token: 1, token usage: 0\.01, cuda graph: False,/,
  );
  world.drain();
});
