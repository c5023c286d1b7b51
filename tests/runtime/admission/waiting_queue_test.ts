import assert from "node:assert/strict";
import fc from "fast-check";
import { RadixCache } from "../../../runtime/cache/radix_cache.ts";
import { defaultSamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import type { Sequence } from "../../../runtime/sequences/sequence.ts";
import { WaitingQueue } from "../../../runtime/admission/waiting_queue.ts";

const { root } = new RadixCache(() => undefined);
let numMade = 0;

function sequenceOf(client: string, numTokens = 1, submittedAt = 0): Sequence {
  return {
    requestId: `${client} ${numMade++}`,
    sampling: defaultSamplingParams,
    client,
    cacheKey: "",
    constraint: undefined,
    copies: undefined,
    states: undefined,
    numPromptTokens: numTokens,
    maxTokens: 5,
    isSpeculative: true,
    reportsRounds: false,
    submittedAt,
    queueMs: undefined,
    tokens: new Array(numTokens).fill(0),
    numComputed: 0,
    numPrefill: 0,
    numDrafted: 0,
    numDraftKv: 0,
    pages: [],
    prefix: root,
    numCached: undefined,
    numAttached: 0,
    numPreemptions: 0,
    nextPromptLogprob: numTokens,
    promptLogprobs: undefined,
    speculation: undefined,
    cancelled: false,
  };
}

/** Everybody, in the order of admission. */
function drain(queue: WaitingQueue): Sequence[] {
  const order: Sequence[] = [];
  for (let next; (next = queue.first) !== undefined; queue.take(next)) order.push(next);
  return order;
}

Deno.test("clients take turns, and each one's requests keep their order", () => {
  const queue = new WaitingQueue();
  const [a1, a2, a3] = [1, 2, 3].map(() => sequenceOf("a"));
  const [b1, b2] = [1, 2].map(() => sequenceOf("b"));
  for (const sequence of [a1!, a2!, a3!, b1!, b2!]) queue.add(sequence);
  assert.equal(queue.first, a1);
  assert.deepEqual(drain(queue), [a1, b1, a2, b2, a3]);
});

Deno.test("who was preempted comes first, and does not cost its client a turn", () => {
  const queue = new WaitingQueue();
  const [a, b, old, older] = ["a", "b", "b", "b"].map((client) => sequenceOf(client));
  queue.add(a!);
  queue.add(b!);
  queue.addPreempted(older!);
  queue.addPreempted(old!);
  assert.equal(queue.numOf("b"), 1);
  assert.deepEqual(drain(queue), [old, older, a, b]);
});

Deno.test("who is taken out of turn costs its client the turn only if it was that client's first", () => {
  const queue = new WaitingQueue();
  const [a1, b1, b2, c1] = ["a", "b", "b", "c"].map((client) => sequenceOf(client));
  for (const sequence of [a1!, b1!, b2!, c1!]) queue.add(sequence);
  queue.take(b2!);
  assert.equal(queue.has(b2!), false);
  assert.deepEqual([...queue.lines()].map((line) => [...line]), [[a1], [b1], [c1]]);
  const b3 = sequenceOf("b");
  queue.add(b3);
  queue.take(b1!);
  assert.deepEqual(drain(queue), [a1, c1, b3]);
});

const actions = fc.array(
  fc.oneof(
    fc.record({ type: fc.constant("add" as const), client: fc.nat({ max: 4 }), length: fc.nat({ max: 9 }) }),
    fc.record({ type: fc.constant("shift" as const) }),
    fc.record({ type: fc.constant("preempt" as const), who: fc.nat() }),
    fc.record({ type: fc.constant("cancel" as const), who: fc.nat() }),
  ),
  { maxLength: 80, size: "max" },
);

Deno.test("whatever happens: nobody is lost, clients keep their order and wait at most a round", () => {
  fc.assert(fc.property(actions, (history) => {
    const queue = new WaitingQueue();
    // Those added and not yet out, in the order of arrival; those out; admissions of others since each client's last.
    const waiting: Sequence[] = [], out: Sequence[] = [], preempted: Sequence[] = [];
    const passed = new Map<string, number>();
    for (const action of history) {
      if (action.type === "add") {
        const sequence = sequenceOf(`c${action.client}`, action.length);
        if (!waiting.some(({ client }) => client === sequence.client)) passed.set(sequence.client, 0);
        queue.add(sequence);
        waiting.push(sequence);
      } else if (action.type === "shift") {
        const { first: next } = queue;
        if (next === undefined) {
          assert.equal(waiting.length + preempted.length, 0);
          continue;
        }
        queue.take(next);
        out.push(next);
        if (preempted.length > 0) {
          assert.equal(next, preempted.shift(), "who was preempted last comes first");
          continue;
        }
        assert.equal(next, waiting.find(({ client }) => client === next.client), "first come, first served");
        const clients = new Set(waiting.map(({ client }) => client));
        waiting.splice(waiting.indexOf(next), 1);
        for (const client of clients) {
          const count = client === next.client ? 0 : passed.get(client)! + 1;
          assert.ok(count <= 4, `${client} waits more than a round of 5 clients`);
          passed.set(client, count);
        }
      } else if (action.type === "preempt") {
        const [again] = out.splice(action.who % Math.max(1, out.length), 1);
        if (again === undefined) continue;
        queue.addPreempted(again);
        preempted.unshift(again);
      } else {
        const all = [...waiting, ...preempted], gone = all[action.who % Math.max(1, all.length)];
        if (gone === undefined) continue;
        assert.ok(queue.delete(gone));
        assert.ok(!queue.delete(gone), "it is not there any more");
        for (const list of [waiting, preempted]) {
          if (list.includes(gone)) list.splice(list.indexOf(gone), 1);
        }
      }
      const all = [...waiting, ...preempted];
      assert.deepEqual(new Set(queue), new Set(all));
      assert.equal(queue.size, all.length);
      assert.equal(queue.numTokens, all.reduce((sum, { tokens }) => sum + tokens.length, 0));
      assert.equal(queue.numTokensToCome, 5 * all.length);
      assert.equal(queue.numClients, new Set(waiting.map(({ client }) => client)).size);
      for (const client of ["c0", "c1"]) {
        assert.equal(queue.numOf(client), waiting.filter((sequence) => sequence.client === client).length);
      }
    }
  }));
});

Deno.test("who comes into the queue late stands where it came, among those of its client", () => {
  const queue = new WaitingQueue();
  const [a1, a2, a3] = [1, 2, 3].map((at) => sequenceOf("a", 1, at));
  const b = sequenceOf("b", 1, 0);
  for (const sequence of [a1!, a3!, b, a2!]) queue.add(sequence);
  assert.deepEqual(drain(queue), [a1, b, a2, a3]);
});
