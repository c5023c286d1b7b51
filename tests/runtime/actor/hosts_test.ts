import assert from "node:assert/strict";
import type { LogLevel } from "../../../runtime/contracts/log_level.ts";
import { type Channel, localChannels, PortChannel } from "../../../runtime/actor/channel.ts";
import type { ActorHost } from "../../../runtime/actor/host.ts";
import { InlineHost } from "../../../runtime/actor/inline_host.ts";
import { ActorThread, WorkerHost } from "../../../runtime/actor/worker_host.ts";
import type { WireError } from "../../../runtime/contracts/errors.ts";
import {
  probeActor,
  type ProbeAnswer,
  type ProbeMessage,
  type RestlessMessage,
} from "../../support/probe_actor.ts";

const PLACEMENTS = ["inline", "worker"] as const;

const probeThread = () =>
  new ActorThread(
    "probe",
    new Worker(new URL("../../support/probe_worker.ts", import.meta.url), { type: "module" }),
  );

/** A hosted probe, the test's port to it and all it reported. */
function hostProbe(placement: (typeof PLACEMENTS)[number]) {
  const logged: [LogLevel, string][] = [];
  const crash = Promise.withResolvers<WireError>();
  const options = {
    log: (level: LogLevel, text: string) => void logged.push([level, text]),
    onCrash: crash.resolve,
  };
  const host: ActorHost<{ fail: boolean }, { greeting: string }> = placement === "inline"
    ? new InlineHost(probeActor(), options)
    : new WorkerHost("drafter", {
      ...options,
      thread: probeThread(),
      stopTimeoutMs: 100,
    });
  const { port1, port2 } = new MessageChannel();
  host.connect("engine", port2);
  const answers: ProbeAnswer[] = [];
  let arrived = Promise.withResolvers<void>();
  const channel = new PortChannel<ProbeAnswer>(port1);
  channel.listen((answer) => {
    answers.push(answer);
    arrived.resolve();
    arrived = Promise.withResolvers();
  });
  return {
    host,
    logged,
    crashed: crash.promise,
    answers,
    send: (message: ProbeMessage) => channel.send(message),
    async untilAnswers(count: number) {
      while (answers.length < count) await arrived.promise;
    },
    async [Symbol.asyncDispose]() {
      await host.stop();
      channel.close();
    },
  };
}

for (const placement of PLACEMENTS) {
  Deno.test(`${placement} host starts, delivers in order one at a time, and stops`, async () => {
    await using probe = hostProbe(placement);
    probe.send({ type: "note", text: "before start" });
    assert.deepEqual(await probe.host.start({ fail: false }), { greeting: "hello" });
    const texts = Array.from({ length: 20 }, (_, index) => `message ${index}`);
    texts.forEach((text, index) => probe.send({ type: index % 3 === 0 ? "wait" : "note", text }));
    await probe.untilAnswers(21);
    assert.deepEqual(probe.answers.map(({ text }) => text), ["before start", ...texts]);
    assert.ok(probe.answers.every(({ numConcurrent }) => numConcurrent === 1));
    await probe.host.stop();
    await probe.untilAnswers(22);
    assert.equal(probe.answers.at(-1)?.type, "stopping");
  });

  Deno.test(`${placement} host passes log lines on`, async () => {
    await using probe = hostProbe(placement);
    await probe.host.start({ fail: false });
    probe.send({ type: "log", text: "low on pages" });
    await probe.untilAnswers(1);
    assert.deepEqual(probe.logged, [["warning", "low on pages"]]);
  });

  Deno.test(`${placement} host rejects start with the actor's error`, async () => {
    await using probe = hostProbe(placement);
    await assert.rejects(probe.host.start({ fail: true }), {
      name: "LoadError",
      code: "cannot_load",
      message: "Cannot load probe: told so",
    });
  });

  Deno.test(`${placement} host reports a throw in receive and the actor receives nothing more`, async () => {
    await using probe = hostProbe(placement);
    await probe.host.start({ fail: false });
    probe.send({ type: "throw", text: "bad page" });
    probe.send({ type: "note", text: "after" });
    const error = await probe.crashed;
    assert.equal(error.name, "RangeError");
    assert.equal(error.message, "bad page");
    await probe.host.stop();
    assert.deepEqual(probe.answers, []);
    assert.match(probe.logged.map(([, text]) => text).join(), /bad page[^]*probe_actor\.ts/);
  });

  Deno.test(`${placement} host can be stopped without having been started`, async () => {
    await using probe = hostProbe(placement);
    await probe.host.stop();
    assert.deepEqual(probe.answers, []);
  });
}

Deno.test("worker host reports an error that escaped the actor through a promise", async () => {
  await using probe = hostProbe("worker");
  await probe.host.start({ fail: false });
  probe.send({ type: "reject later", text: "forgotten promise" });
  assert.equal((await probe.crashed).message, "forgotten promise");
});

Deno.test("worker host stops although the thread ended silently, and messages to it go nowhere", async () => {
  await using probe = hostProbe("worker");
  await probe.host.start({ fail: false });
  probe.send({ type: "close thread", text: "" });
  await probe.untilAnswers(1);
  probe.send({ type: "note", text: "to the dead" });
  await probe.host.stop();
});

Deno.test("worker host rejects start if the entry cannot run the actor", async () => {
  const host = new WorkerHost("engine", {
    log: () => {},
    onCrash: () => assert.fail("a start that failed is no crash"),
    thread: probeThread(),
    stopTimeoutMs: 100,
  });
  await assert.rejects(host.start(undefined), /Cannot run actor: engine is not registered/);
  await host.stop();
});

Deno.test("linked actors that never pause receive from other threads, and stop when asked to", async () => {
  const thread = probeThread();
  const onCrash = ({ message }: WireError) => assert.fail(message);
  const hosts = (["scheduler", "verifier"] as const).map((name) =>
    new WorkerHost<undefined, void>(name, { log: () => {}, onCrash, thread })
  );
  thread.link("scheduler", "verifier");
  const { port1, port2 } = new MessageChannel();
  hosts[0]!.connect("engine", port2);
  const channel = new PortChannel<RestlessMessage>(port1);
  const received: string[] = [];
  let arrived = Promise.withResolvers<void>();
  channel.listen(({ type }) => {
    received.push(type);
    arrived.resolve();
    arrived = Promise.withResolvers();
  });
  for (const host of hosts) await host.start(undefined);
  channel.send({ type: "bounce" });
  channel.send({ type: "ask" });
  await arrived.promise;
  for (const host of hosts) await host.stop();
  while (received.length < 2) await arrived.promise;
  channel.close();
  assert.deepEqual(received, ["received", "stopping"]);
});

Deno.test("a linked actor receives from other threads without a turn of the event loop, before its neighbour", async () => {
  const received: string[] = [];
  const host = new InlineHost<undefined, void, RestlessMessage>({
    name: "scheduler",
    start: () => {},
    receive: ({ type }) => void received.push(type),
    stop: () => {},
  }, { log: () => {}, onCrash: ({ message }) => assert.fail(message) });
  const { port1, port2 } = new MessageChannel();
  const engine = new PortChannel(port1), [near, far] = localChannels();
  host.connect("engine", port2);
  host.link("verifier", near as Channel<RestlessMessage>);
  await host.start(undefined);
  engine.send({ type: "ask" });
  far.send({ type: "bounce" });
  for (let i = 0; i < 8; i++) await null;
  assert.deepEqual(received, ["ask", "bounce"]);
  await host.stop();
  engine.close();
});

Deno.test("an actor that is stopped while it pauses receives nothing more", async () => {
  const gate = Promise.withResolvers<void>(), received: string[] = [];
  const host = new InlineHost(probeActor(), {
    log: (_, text) => received.push(text),
    onCrash: ({ message }) => assert.fail(message),
    pause: () => gate.promise,
  });
  const { port1, port2 } = new MessageChannel();
  const engine = new PortChannel<ProbeAnswer>(port1);
  host.connect("engine", port2);
  await host.start({ fail: false });
  engine.send({ type: "log", text: "too late" });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const stopped = host.stop();
  gate.resolve();
  await stopped;
  assert.deepEqual(received, []);
  engine.close();
});
