import assert from "node:assert/strict";
import { turnEvery } from "../../../runtime/actor/event_loop.ts";
import { InlineGroup } from "../../../runtime/actor/inline_group.ts";
import type { RestlessMessage } from "../../support/probe_actor.ts";

/** Actors that answer each other for ever, with their group. */
function bouncing(pause?: () => Promise<void> | undefined) {
  const group = new InlineGroup();
  let numReceived = 0;
  const hosts = ([["scheduler", "verifier"], ["verifier", "scheduler"]] as const).map(([name, peer]) =>
    group.host<undefined, void, RestlessMessage>({
      name,
      start: (_, { send }) => send(peer, { type: "bounce" }),
      receive: (message, { send }) => {
        if (++numReceived < 1000) send(peer, message);
      },
      stop: () => {},
    }, { log: () => {}, onCrash: ({ message }) => assert.fail(message), ...(pause && { pause }) })
  );
  group.link("scheduler", "verifier");
  return { hosts, numReceived: () => numReceived };
}

Deno.test("linked actors answer each other without a turn of the event loop", async () => {
  const { hosts, numReceived } = bouncing();
  for (const host of hosts) await host.start(undefined);
  for (let i = 0; i < 20_000; i++) await null;
  assert.ok(numReceived() >= 1000, `${numReceived()} messages`);
  for (const host of hosts) await host.stop();
});

Deno.test("an actor that pauses gives the event loop a turn before every message", async () => {
  const { hosts, numReceived } = bouncing(turnEvery(0));
  for (const host of hosts) await host.start(undefined);
  await new Promise((resolve) => setTimeout(resolve));
  const soon = numReceived();
  assert.ok(soon < 1000, `${soon} messages before a timer`);
  for (const host of hosts) await host.stop();
});

Deno.test("a pause is due only where the event loop had no turn for so long", async () => {
  const pause = turnEvery(60_000), always = turnEvery(0);
  assert.ok(pause() instanceof Promise, "it never had one");
  await pause();
  assert.equal(pause(), undefined);
  await always();
  assert.ok(always() instanceof Promise);
});

Deno.test("an actor without a host cannot be linked", () => {
  assert.throws(
    () => new InlineGroup().link("scheduler", "verifier"),
    /Cannot link actors: scheduler and verifier are not both hosted/,
  );
});
