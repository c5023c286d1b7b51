/**
 * @module
 */
import { strict as assert } from "node:assert";
import { type RequestSink, TimedRequest } from "../../../runtime/metrics/request_observer.ts";
import { requestOf } from "../../support/test_engine.ts";

const usage = { numPromptTokens: 1, numCompletionTokens: 5, numCachedTokens: 0, numPreemptions: 0 };

/** A request at a time of its own, and what was said of it. */
function watched(origin: { readonly receivedAt?: number } = {}) {
  const said: unknown[] = [];
  const clock = { now: 100 };
  const sink: RequestSink = {
    queue: (ms) => said.push(["queue", ms]),
    firstToken: (_, ms) => said.push(["first", ms]),
    tokens: (ms, numTokens) => said.push(["tokens", ms, numTokens]),
    end: (_, times) => said.push(times),
  };
  const request = { ...requestOf("r", [1]), origin };
  return { said, clock, observer: new TimedRequest(request, [sink], () => clock.now) };
}

Deno.test("the first token is timed from the HTTP request, later ones from those before", () => {
  const { said, clock, observer } = watched({ receivedAt: 90 });
  clock.now = 150;
  observer.admitted(20);
  observer.generated(1);
  clock.now = 160;
  observer.generated(4);
  clock.now = 170;
  observer.admitted(20);
  observer.ended({ usage, finish: { type: "length", length: 5 } });
  assert.deepEqual(said, [
    ["queue", 20],
    ["first", 60],
    ["tokens", 10, 4],
    {
      receivedAt: 90,
      submittedAt: 100,
      admittedAt: 120,
      firstTokenAt: 150,
      lastTokenAt: 160,
      endedAt: 170,
    },
  ]);
});

Deno.test("a request that never ran has no times but those of its ends; no tokens are no first token", () => {
  const { said, clock, observer } = watched();
  clock.now = 130;
  observer.generated(0);
  observer.ended({ usage, finish: { type: "abort", message: "left" } });
  assert.deepEqual(said, [{
    receivedAt: 100,
    submittedAt: 100,
    admittedAt: undefined,
    firstTokenAt: undefined,
    lastTokenAt: undefined,
    endedAt: 130,
  }]);
});
