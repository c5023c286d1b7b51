import assert from "node:assert/strict";
import { decodeLine, prefillLine } from "../../../runtime/scheduling/log_lines.ts";
import { World } from "../../support/scheduler_world.ts";

Deno.test("lines are SGLang's; cached pages nobody uses are not usage", () => {
  const world = new World({ numPages: 100, pageSize: 1, maxRunningRequests: 2 });
  const prompt = [1, 2, 3, 4, 5, 6, 7, 8];
  world.submit("first", prompt, { maxTokens: 1 });
  const first = world.begin()!;
  assert.equal(
    prefillLine(world.state, first),
    "Prefill batch. #new-seq: 1, #new-token: 8, #cached-token: 0, token usage: 0.08, #running-req: 0, #queue-req: 0",
  );
  world.end();
  for (const requestId of ["a", "b", "c"]) {
    world.submit(requestId, [...prompt, 9], { maxTokens: 20, ignoreEos: true });
  }
  assert.equal(
    prefillLine(world.state, world.begin()!),
    "Prefill batch. #new-seq: 2, #new-token: 2, #cached-token: 16, token usage: 0.10, #running-req: 0, #queue-req: 1",
  );
  world.end();
  const { numDecoding } = world.step()!;
  assert.equal(
    decodeLine(world.state, numDecoding, 312.449),
    "Decode batch. #running-req: 2, #token: 11, token usage: 0.11, cuda graph: True, " +
      "gen throughput (token/s): 312.45, #queue-req: 1",
  );
  world.drain();
  world.submit("alone", [30], { maxTokens: 2, ignoreEos: true });
  const { numPrefilling } = world.begin()!;
  assert.equal(numPrefilling, 1);
  assert.match(decodeLine(world.state, 0, 0), /#token: 1, token usage: 0\.01,/);
  world.drain();
});
