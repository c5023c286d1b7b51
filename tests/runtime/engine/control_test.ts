/**
 * Pauses, settings and profiles of a running engine.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Engine } from "../../../runtime/engine/engine.ts";
import type { GenerationUpdate } from "../../../runtime/contracts/generation.ts";
import { expectedTokens, hashModel } from "../../support/fake_verifier.ts";
import { collect, PIECES, requestOf, startTestEngine } from "../../support/test_engine.ts";

const endless = { maxTokens: 60, ignoreEos: true };
const expected = expectedTokens(hashModel(PIECES.length), [1, 2], { numTokens: 60, stopTokens: [] });

/** Starts a generation and returns what it will yield once it has begun. */
async function begin(engine: Engine, requestId: string): Promise<{ whole: Promise<GenerationUpdate> }> {
  const begun = Promise.withResolvers<void>();
  const updates = async function* () {
    for await (const update of engine.generate(requestOf(requestId, [1, 2], endless))) {
      begun.resolve();
      yield update;
    }
  };
  const whole = collect(updates());
  await begun.promise;
  return { whole };
}

for (const mode of ["in_place", "retract"] as const) {
  Deno.test(`control: after a pause, ${mode}, generations go on as if there had been none`, async () => {
    await using engine = await startTestEngine();
    const { whole } = await begin(engine, "r");
    await engine.control.pause(mode);
    const late = collect(engine.generate(requestOf("late", [1, 2], endless)));
    const { numSteps, numRunning, numWaiting, numPaused } = await engine.schedulerState();
    assert.deepEqual([numRunning, numWaiting, numPaused], mode === "retract" ? [0, 2, 1] : [1, 1, 1]);
    assert.equal(await engine.flushCache(), mode === "retract");
    assert.equal((await engine.schedulerState()).numSteps, numSteps, "nothing is computed");
    assert.ok(engine.control.isPaused);
    await engine.control.resume();
    assert.ok(!engine.control.isPaused);
    assert.deepEqual((await whole).tokens, expected);
    assert.deepEqual((await late).tokens, expected);
  });
}

Deno.test("control: a pause by abort ends what runs and what waits, with a reason", async () => {
  await using engine = await startTestEngine({ args: { maxRunningRequests: 1 } });
  const { whole } = await begin(engine, "r");
  const waiting = collect(engine.generate(requestOf("waiting", [1, 2], endless)));
  await engine.control.pause("abort");
  for (const ended of [whole, waiting]) assert.equal((await ended).finish?.type, "abort");
  const next = collect(engine.generate(requestOf("next", [1, 2], endless)));
  await engine.control.resume();
  assert.deepEqual((await next).tokens, expected);
});

Deno.test("control: settings are in effect at once and shown", async () => {
  await using engine = await startTestEngine({ args: { maxQueuedRequests: 10 } });
  await engine.control.pause("in_place");
  await engine.control.configure({ maxQueuedRequests: 0, maxQueuedPerClient: -1, maxRunningRequests: 1 });
  const waiting = collect(engine.generate(requestOf("a", [1, 2], endless)));
  await assert.rejects(collect(engine.generate(requestOf("b", [1]))), { code: "overloaded" });
  const { record: info } = await engine.serverInfo();
  assert.deepEqual(
    [info["max_queued_requests"], info["max_queued_per_client"], info["max_running_requests"]],
    [0, -1, 1],
  );
  await engine.control.resume();
  assert.deepEqual((await waiting).tokens, expected);
});

Deno.test("control: a profile has the steps, in Chrome's form, and ends by itself", async () => {
  const profileDir = await Deno.makeTempDir();
  try {
    await using engine = await startTestEngine({ args: { profileDir } });
    await assert.rejects(engine.control.stopProfile(), { code: "invalid_request" });
    const path = await engine.control.startProfile({
      folder: "a/b",
      prefix: "x-",
      numSkipped: 1,
      numSteps: 4,
    });
    assert.ok(path.startsWith(join(profileDir, "a", "b", "x-")), path);
    await assert.rejects(engine.control.startProfile({}), { code: "invalid_request" });
    await collect(engine.generate(requestOf("r", [1, 2], { maxTokens: 20, ignoreEos: true })));
    const events = await eventsIn(path);
    const steps = events.filter(({ name }) => name.startsWith("step "));
    assert.deepEqual(steps.map(({ args }) => args["step"]), [2, 3, 4, 5]);
    assert.deepEqual(steps.map(({ args }) => [args["decoding"], args["tokens"]]), Array(4).fill([1, 1]));
    for (const { ts, dur, args } of steps) {
      const inner = events.filter((event) => event.args["step"] === args["step"] && event.tid !== 1);
      assert.deepEqual(inner.map(({ name }) => name), ["forward", "commit"]);
      assert.ok(inner.every((event) => event.ts! >= ts! && event.ts! + event.dur! <= ts! + dur! + 2));
    }

    // One that is about to begin cannot be stopped, and is not: it ends by its number of steps.
    const beginning = engine.control.startProfile({ numSteps: 1 });
    await assert.rejects(engine.control.stopProfile(), { code: "invalid_request" });
    const early = await beginning;
    await collect(engine.generate(requestOf("r", [1, 2], { maxTokens: 5, ignoreEos: true })));
    assert.equal((await eventsIn(early)).filter(({ name }) => name.startsWith("step ")).length, 1);

    // Without a number of steps it goes on until it is stopped.
    const second = await engine.control.startProfile({});
    await collect(engine.generate(requestOf("r", [1, 2], { maxTokens: 5, ignoreEos: true })));
    assert.equal(await engine.control.stopProfile(), second);
    assert.equal((await eventsIn(second)).filter(({ name }) => name.startsWith("step ")).length, 5);
  } finally {
    await Deno.remove(profileDir, { recursive: true });
  }
});

Deno.test("control: a profile that the engine's end cuts off leaves no file, and the log says so", async () => {
  const profileDir = await Deno.makeTempDir();
  try {
    const lines: string[] = [];
    const engine = await startTestEngine({
      args: { profileDir },
      engine: { log: (_, line) => void lines.push(line) },
    });
    const path = await engine.control.startProfile({});
    await engine.stop();
    assert.ok(lines.includes(`Profile not written, since the engine ends: ${path}`), lines.join("\n"));
    await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  } finally {
    await Deno.remove(profileDir, { recursive: true });
  }
});

Deno.test("control: a profile is written below the profile folder and nowhere else", async () => {
  const root = await Deno.makeTempDir();
  try {
    const profileDir = join(root, "profiles");
    await Deno.mkdir(profileDir);
    await Deno.mkdir(join(root, "secret"));
    await Deno.symlink(join(root, "secret"), join(profileDir, "link"));
    await Deno.writeTextFile(join(profileDir, "file"), "");
    await using engine = await startTestEngine({ args: { profileDir } });
    const outside = ["..", "../secret", "/tmp", "a/../../secret", "link", "link/deep", `${profileDir}2`];
    const impossible = ["a\0b", "n".repeat(300), "file", "file/deep"];
    for (const folder of [...outside, ...impossible]) {
      const refusal = { code: "invalid_request", details: { param: "output_dir" } };
      await assert.rejects(engine.control.startProfile({ folder }), refusal, folder);
    }
    assert.deepEqual([...Deno.readDirSync(join(root, "secret"))], []);
    await engine.control.startProfile({ folder: join(profileDir, "deep") });
    await engine.control.stopProfile();
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

interface Event {
  readonly name: string;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly args: Readonly<Record<string, number | string>>;
}

/** The spans of a trace, once it is written. */
async function eventsIn(path: string): Promise<Event[]> {
  for (let waits = 0; waits < 1000; waits++) {
    const text = await Deno.readTextFile(path).catch(() => undefined);
    if (text === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    else {
      const { traceEvents } = JSON.parse(text) as { traceEvents: (Event & { ph: string })[] };
      return traceEvents.filter(({ ph }) => ph === "X");
    }
  }
  throw new Error(`Cannot read ${path}: it never came`);
}
