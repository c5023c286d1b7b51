/**
 * @module
 */
import { strict as assert } from "node:assert";
import { Shutdown } from "../../cli/shutdown.ts";

/** An hour: nothing here waits for it. */
const LONG_MS = 3_600_000;
/** A server that has not exited by then never will. */
const DEADLINE_MS = 5000;

/** A server that ends on command, and what happened to it in order. */
class FakeServer {
  readonly events: string[] = [];
  readonly idle = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<number>();
  readonly shutdown: Shutdown;
  /** Resolves `close`. */
  readonly closed = Promise.withResolvers<void>();
  readonly log: string[] = [];

  constructor(drainMs: number) {
    this.shutdown = new Shutdown({
      drainMs,
      log: (_, text) => void this.log.push(text),
      exit: (code) => {
        this.events.push(`exit ${code}`);
        this.#exited.resolve(code);
      },
    });
  }

  /** The exit code; rejects if there is none in time. */
  async exit(): Promise<number> {
    const timer = setTimeout(() => this.#exited.reject(new Error("The server did not exit")), DEADLINE_MS);
    try {
      return await this.#exited.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  serve(): void {
    const note = (event: string) => void this.events.push(event);
    this.shutdown.serve({
      listener: {
        numInFlight: 3,
        drain: () => note("drain"),
        idle: () => this.idle.promise,
        close: () => (note("close"), this.closed.promise),
      },
      engine: { stop: () => Promise.resolve(note("stop")) },
    });
  }
}

const whole = ["drain", "stop", "close", "exit 0"];

Deno.test("shutdown: waits for what was admitted, then stops and exits with 0", async () => {
  const server = new FakeServer(LONG_MS);
  server.serve();
  assert.equal(server.shutdown.isDraining, false);
  server.shutdown.onSignal("SIGTERM");
  assert.equal(server.shutdown.isDraining, true);
  await Promise.resolve();
  assert.deepEqual(server.events, ["drain"]);
  server.idle.resolve();
  server.closed.resolve();
  await server.exit();
  assert.deepEqual(server.events, whole);
  assert(!server.log.some((line) => line.startsWith("Cutting")), "nothing was cut");
});

Deno.test("shutdown: what takes longer than the drain time is cut, at once without one", async () => {
  for (const drainMs of [1, 0]) {
    const server = new FakeServer(drainMs);
    server.serve();
    server.closed.resolve();
    server.shutdown.onSignal("SIGTERM");
    await server.exit();
    assert.deepEqual(server.events, whole);
    assert.match(server.log.at(-1)!, /^Cutting 3 requests short$/);
  }
});

Deno.test("shutdown: a second signal cuts, a third does not even wait for that", async () => {
  const server = new FakeServer(LONG_MS);
  server.serve();
  server.shutdown.onSignal("SIGTERM");
  server.shutdown.onSignal("SIGTERM");
  server.closed.resolve();
  await server.exit();
  assert.deepEqual(server.events, ["drain", "stop", "close", "exit 1"]);

  const stuck = new FakeServer(LONG_MS);
  stuck.serve();
  for (let i = 0; i < 3; i++) stuck.shutdown.onSignal("SIGINT");
  assert.deepEqual(stuck.events, ["drain", "exit 1"]);
  stuck.closed.resolve();
  await Promise.resolve();
});

Deno.test("shutdown: a client that takes nothing does not keep the process", async () => {
  const server = new FakeServer(0);
  server.serve();
  server.shutdown.onSignal("SIGTERM");
  assert.equal(await server.exit(), 0);
  assert.deepEqual(server.events, whole, "exited though the listener is not closed");
  server.closed.resolve();
  await Promise.resolve();
});

Deno.test("shutdown: a crash cuts with exit code 1, also while requests were to end", async () => {
  for (const isDraining of [false, true]) {
    const server = new FakeServer(LONG_MS);
    server.serve();
    server.closed.resolve();
    if (isDraining) server.shutdown.onSignal("SIGTERM");
    server.shutdown.crash();
    assert.equal(await server.exit(), 1);
    assert.deepEqual(server.events, ["drain", "stop", "close", "exit 1"]);
  }
});

Deno.test("shutdown: while the server starts there is nobody to wait for", () => {
  const signalled = new FakeServer(LONG_MS), crashed = new FakeServer(LONG_MS);
  signalled.shutdown.onSignal("SIGTERM");
  crashed.shutdown.crash();
  assert.deepEqual([signalled.events, crashed.events], [["exit 0"], ["exit 1"]]);
});
