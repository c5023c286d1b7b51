import { strict as assert } from "node:assert";
import { AbortListeners } from "../../../runtime/engine/abort_listeners.ts";

Deno.test("AbortListeners: all actions of a signal share one listener, and run once unless taken back", () => {
  const abort = new AbortController(), { signal } = abort;
  let numListeners = 0;
  const add = signal.addEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    numListeners++;
    add(...args);
  };
  const listeners = new AbortListeners(), ran: string[] = [];
  const actions = ["a", "b", "c"].map((name) => () => void ran.push(name));
  for (const action of actions) listeners.on(signal, action);
  listeners.off(signal, actions[1]!);
  abort.abort();
  assert.deepEqual(ran, ["a", "c"]);
  assert.equal(numListeners, 1);

  listeners.on(signal, actions[1]!);
  assert.deepEqual(ran, ["a", "c", "b"], "at once where the signal has aborted");
});

Deno.test("AbortListeners: a signal whose actions were all taken back can be used again", () => {
  const abort = new AbortController(), listeners = new AbortListeners();
  let count = 0;
  const action = () => void count++;
  listeners.on(abort.signal, action);
  listeners.off(abort.signal, action);
  listeners.on(abort.signal, action);
  abort.abort();
  assert.equal(count, 1);
});
