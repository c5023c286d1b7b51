import assert from "node:assert/strict";
import fc from "fast-check";
import { localChannels, PortChannel } from "../../../runtime/actor/channel.ts";

Deno.test("PortChannel keeps the order of messages, some of which come by themselves and some by polling", async () => {
  const turn = () => new Promise((resolve) => setTimeout(resolve));
  const action = fc.constantFrom("send", "poll", "microtask", "turn");
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
      const { port1, port2 } = new MessageChannel();
      const near = new PortChannel(port1), far = new PortChannel<number>(port2);
      const received: number[] = [];
      far.listen((message) => received.push(message));
      let numSent = 0;
      for (const what of actions) {
        if (what === "send") near.send(numSent++);
        else if (what === "poll") far.poll();
        else if (what === "microtask") await null;
        else await turn();
      }
      while (received.length < numSent) await turn();
      near.close();
      far.close();
      assert.deepEqual(received, Array.from({ length: numSent }, (_, index) => index));
    }),
    { numRuns: 60 },
  );
});

Deno.test("PortChannel.poll receives without a turn of the event loop", () => {
  const { port1, port2 } = new MessageChannel();
  const near = new PortChannel(port1), far = new PortChannel<string>(port2);
  const received: string[] = [];
  far.listen((message) => received.push(message));
  near.send("one");
  near.send("two");
  far.poll();
  assert.deepEqual(received, ["one", "two"]);
  near.close();
  far.close();
});

Deno.test("PortChannel goes on after a message that cannot be sent", () => {
  const { port1, port2 } = new MessageChannel();
  const near = new PortChannel(port1), far = new PortChannel<string>(port2);
  const received: string[] = [];
  far.listen((message) => received.push(message));
  assert.throws(() => near.send(() => {}), { name: "DataCloneError" });
  near.send("after");
  far.poll();
  assert.deepEqual(received, ["after"]);
  near.close();
  far.close();
});

Deno.test("localChannels hand messages over as they are, both ways, until the other end is closed", () => {
  const [near, far] = localChannels();
  const received: unknown[] = [], message = { type: "tokens" };
  near.listen((message) => received.push(message));
  far.listen((message) => received.push(message));
  near.send(message);
  far.send(message);
  assert.ok(received.length === 2 && received.every((one) => one === message));
  far.close();
  near.send(message);
  assert.equal(received.length, 2);
});
