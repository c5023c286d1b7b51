import assert from "node:assert/strict";
import type { Client } from "../../support/scheduler_client.ts";
import { World } from "../../support/scheduler_world.ts";

const sizes = { maxRunningRequests: 4, maxQueuedRequests: 16, maxQueuedPerClient: 8, contextLength: 1024 };

function retryMs({ last }: Client): number {
  assert.equal(last?.type, "failed");
  return Number(last?.type === "failed" && last.error.details.retryAfterMs);
}

function messageOf({ last }: Client): string | undefined {
  return last?.type === "failed" ? last.error.message : undefined;
}

/** A server that is busy with requests of two clients, each of as many as it may have. */
function busyWorld(maxTokens = 100): World {
  const world = new World(sizes);
  world.forwardMs = () => 100;
  for (let i = 0; i < 4; i++) {
    world.submit(`running ${i}`, [1 + i], { maxTokens, ignoreEos: true }, { client: "a" });
  }
  for (let i = 0; i < 5; i++) world.step();
  for (let i = 0; i < 16; i++) {
    const client = world.submit(`r${i}`, [10 + i], { maxTokens, ignoreEos: true }, { client: "ab"[i % 2]! });
    assert.equal(client.last, undefined);
  }
  return world;
}

Deno.test("one client has half of the queue at most; another still finds room, nobody in particular is not limited", () => {
  const world = new World({ ...sizes, maxQueuedRequests: 16 });
  const submit = (requestId: string, client?: string) =>
    world.submit(requestId, [1], { maxTokens: 100, ignoreEos: true }, { ...(client && { client }) });
  // Four places in the batch are free, and may be taken by anybody.
  for (let i = 0; i < 12; i++) assert.equal(submit(`a${i}`, "a").last, undefined);
  assert.equal(
    messageOf(submit("a12", "a")),
    "Cannot queue request: 12 of this client's are waiting, and one client may have 8",
  );
  for (let i = 0; i < 8; i++) assert.equal(submit(`own ${i}`).last, undefined);
  assert.equal(messageOf(submit("full", "b")), "Cannot queue request: 20 of at most 20 are waiting");
  world.drain();
});

Deno.test("without a limit per client one may fill the queue", () => {
  const { maxQueuedPerClient: _, ...open } = sizes;
  const world = new World(open);
  for (let i = 0; i < 20; i++) assert.equal(world.submit(`a${i}`, [1], {}, { client: "a" }).last, undefined);
  assert.equal(world.submit("a20", [1], {}, { client: "a" }).end, "overloaded");
});

Deno.test("a client with one request is served soon, however many another has", () => {
  const world = new World({ ...sizes, maxQueuedRequests: 1024, maxQueuedPerClient: 512 });
  for (let i = 0; i < 516; i++) {
    world.submit(`a${i}`, [1 + i], { maxTokens: 8, ignoreEos: true }, { client: "a" });
  }
  world.step();
  const other = world.submit("other", [5000], { maxTokens: 8, ignoreEos: true }, { client: "b" });
  let numSteps = 0;
  for (; other.last === undefined; numSteps++) world.step();
  assert.ok(numSteps <= 17, `a turn of the running ones and its own: ${numSteps}`);
});

Deno.test("a batch that does not fit is refused whole, with its first request", () => {
  const world = new World(sizes);
  for (let i = 0; i < 18; i++) world.submit(`r${i}`, [1], {});
  const submit = (id: string, size: number) =>
    Array.from(
      { length: size },
      (_, i) => {
        const numFollowing = size - 1 - i;
        return world.submit(`${id} ${i}`, [1], {}, {
          batch: { id, promptIndex: i, numFollowing, numFollowingTokens: numFollowing },
        });
      },
    );
  const [first, ...others] = submit("large", 3);
  assert.equal(
    messageOf(first!),
    "Cannot queue request: 18 of at most 20 are waiting, its batch has 2 more",
  );
  // The last ones would fit; nothing of the batch is to run.
  for (const other of others) {
    assert.equal(messageOf(other), "Cannot queue request: others of its batch were refused");
  }
  assert.deepEqual(submit("small", 2).map(({ last }) => last), [undefined, undefined]);
  world.drain();
});

Deno.test("prompt tokens that wait are bounded too, but one request always may", () => {
  const world = new World({ ...sizes, maxRunningRequests: 1, maxQueuedTokens: 50, numPages: 400 });
  const tokens = (count: number) => Array.from({ length: count }, (_, i) => i + 1);
  world.submit("running", [1], { maxTokens: 100, ignoreEos: true });
  world.step();
  assert.equal(world.submit("huge", tokens(500), { maxTokens: 1 }).last, undefined);
  assert.equal(
    messageOf(world.submit("more", tokens(3), { maxTokens: 1 })),
    "Cannot queue request: its 3 tokens and the 500 that are waiting are more than the 50 allowed",
  );
  world.drain();
  for (let i = 0; i < 5; i++) assert.equal(world.submit(`small ${i}`, tokens(10)).last, undefined);
  assert.equal(world.submit("last", [1]).end, "overloaded");
});

Deno.test("tokens that find a place free do not wait, and a batch's are bounded whole", () => {
  const world = new World({ ...sizes, maxQueuedTokens: 50, numPages: 400 });
  const submit = (id: string, size: number, length: number) =>
    Array.from({ length: size }, (_, i) => {
      const numFollowing = size - 1 - i;
      const tokens = Array.from({ length }, (_, k) => k + 2);
      const params = { maxTokens: 100, ignoreEos: true };
      return world.submit(`${id} ${i}`, tokens, params, {
        batch: { id, promptIndex: i, numFollowing, numFollowingTokens: numFollowing * length },
      });
    }).map(({ last }) => last === undefined);
  assert.ok(submit("at once", 4, 30).every(Boolean), "there are four places");
  while (world.state.running.length < 4) assert.ok(world.step());
  assert.ok(submit("first", 2, 200).every(Boolean), "what is too much may wait alone");
  assert.ok(submit("more", 2, 20).every((isQueued) => !isQueued));
  for (const id of ["first 0", "first 1"]) world.cancel(id);
  assert.ok(submit("some", 2, 10).every(Boolean));
  assert.ok(submit("too much", 4, 10).every((isQueued) => !isQueued), "the first three would fit");
  assert.ok(submit("as much", 3, 10).every(Boolean));
  world.drain();
});

Deno.test("a refused client gets the time at which there will be room, and finds it then", () => {
  const world = busyWorld();
  const now = () => world.state.forwardMs;
  const begun = now();
  // Each gets a time of its own; `due` says when.
  const due = Array.from({ length: 12 }, (_, i) => {
    const ms = retryMs(world.submit(`late ${i}`, [99], { maxTokens: 100, ignoreEos: true }, { client: "c" }));
    return { requestId: `again ${i}`, at: begun + ms };
  });
  assert.ok(due[0]!.at - begun > 9000 && due[0]!.at - begun <= 10_000, `${due[0]!.at}`);
  assert.ok(due.at(-1)!.at - begun > 20_000, "there is not room for all of them at once");
  let numRefused = 0;
  while (due.length > 0) {
    world.step();
    for (; due.length > 0 && due[0]!.at <= now(); due.shift()) {
      const { requestId } = due[0]!;
      const client = world.submit(requestId, [99], { maxTokens: 100, ignoreEos: true }, { client: "c" });
      if (client.last !== undefined) numRefused++;
    }
  }
  assert.ok(numRefused <= 4, `${numRefused} of 12 came too early`);
  world.drain();
});

Deno.test("a client with its half of the queue gets the time at which one of its own is admitted", () => {
  const world = busyWorld();
  world.cancel("r1");
  const ms = retryMs(world.submit("more", [7], {}, { client: "a" })), begun = world.state.forwardMs;
  while (
    world.submit(`try ${world.state.forwardMs}`, [7], { maxTokens: 1 }, { client: "a" }).last !== undefined
  ) {
    world.step();
  }
  const tookMs = world.state.forwardMs - begun;
  assert.ok(ms >= tookMs / 2 && ms <= 2 * tookMs, `told ${ms}, was ${tookMs}`);
});

Deno.test("Retry-After is no less than a second and no more than ten minutes", () => {
  const fast = busyWorld();
  fast.state.departures.recent.ms = 0.01;
  assert.equal(retryMs(fast.submit("x", [1], {}, { client: "c" })), 1000);
  const slow = busyWorld();
  slow.state.departures.recent.ms = 1e9;
  for (let i = 0; i < 3; i++) assert.equal(retryMs(slow.submit(`x${i}`, [1], {}, { client: "c" })), 600_000);
});

Deno.test("requests that usually end early are expected to", () => {
  const world = new World({ ...sizes, maxQueuedRequests: 0 });
  world.forwardMs = () => 100;
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 4; i++) world.submit(`${round} ${i}`, [1 + i], { maxTokens: 20, ignoreEos: true });
    while (world.step() !== undefined);
  }
  for (let i = 0; i < 4; i++) world.submit(`long ${i}`, [1 + i], { maxTokens: 900, ignoreEos: true });
  world.step();
  const ms = retryMs(world.submit("x", [1]));
  assert.ok(ms > 1500 && ms <= 2000, `${ms}: 20 tokens, not 900`);
});
