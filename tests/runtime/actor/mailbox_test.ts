import assert from "node:assert/strict";
import fc from "fast-check";
import { Mailbox } from "../../../runtime/actor/mailbox.ts";

const rethrow = (error: unknown) => {
  throw error;
};

Deno.test("Mailbox delivers one message at a time, in order, whatever the receiver awaits", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(3)), async (numTurnsOfEach) => {
      const received: number[] = [];
      let numInside = 0;
      const done = Promise.withResolvers<void>();
      const mailbox = new Mailbox<number>(async (index) => {
        assert.equal(++numInside, 1);
        for (let turn = 0; turn < numTurnsOfEach[index]!; turn++) await null;
        numInside--;
        received.push(index);
        if (received.length === numTurnsOfEach.length) done.resolve();
      }, done.reject);
      mailbox.open();
      for (const index of numTurnsOfEach.keys()) {
        mailbox.push(index);
        if (index % 2 === 0) await null;
      }
      if (numTurnsOfEach.length > 0) await done.promise;
      assert.deepEqual(received, [...numTurnsOfEach.keys()]);
    }),
    { numRuns: 50 },
  );
});

Deno.test("Mailbox holds messages until it is open and never delivers while push runs", async () => {
  const received: string[] = [];
  const mailbox = new Mailbox<string>((message) => void received.push(message), rethrow);
  mailbox.push("early");
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(received, []);
  mailbox.open();
  mailbox.push("late");
  assert.deepEqual(received, []);
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(received, ["early", "late"]);
});

Deno.test("Mailbox reports the first throw and delivers nothing more", async () => {
  const received: number[] = [];
  const errors: unknown[] = [];
  const failure = new Error("third");
  const mailbox = new Mailbox<number>((message) => {
    if (message === 3) throw failure;
    received.push(message);
  }, (error) => void errors.push(error));
  mailbox.open();
  for (const message of [1, 2, 3, 4]) mailbox.push(message);
  await new Promise((resolve) => setTimeout(resolve));
  mailbox.push(5);
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(received, [1, 2]);
  assert.deepEqual(errors, [failure]);
});

Deno.test("Mailbox.close waits for the message in progress and drops the rest", async () => {
  const received: number[] = [];
  const gate = Promise.withResolvers<void>();
  const mailbox = new Mailbox<number>(async (message) => {
    await gate.promise;
    received.push(message);
  }, rethrow);
  mailbox.open();
  mailbox.push(1);
  mailbox.push(2);
  await null;
  const closed = mailbox.close();
  gate.resolve();
  await closed;
  assert.deepEqual(received, [1]);
});
