import assert from "node:assert/strict";
import type { GrammarSource } from "../../../../runtime/contracts/constraint.ts";
import { GrammarCache } from "../../../../runtime/grammars/host/grammar_cache.ts";
import type { Slot } from "../../../../runtime/grammars/host/slots.ts";

const sourceOf = (grammar: string): GrammarSource => ({ type: "ebnf", grammar });

/** A host that remembers which grammars it was told to forget. */
function fakeSlot() {
  const dropped: number[] = [];
  const host = { post: ({ grammar }: { readonly grammar: number }) => dropped.push(grammar) };
  return { slot: { host } as unknown as Slot, dropped };
}

Deno.test("grammar cache: the same text is compiled once, whoever asks", () => {
  const cache = new GrammarCache(), { slot } = fakeSlot();
  const grammar = cache.retain(sourceOf("a"));
  assert.equal(cache.retain(sourceOf("a")), grammar);
  assert.equal(cache.numWaiting, 1);
  assert.equal(cache.next(), grammar);
  cache.onCompiled(grammar, slot);
  for (let i = 0; i < 2; i++) cache.release(grammar);
  assert.equal(cache.retain(sourceOf("a")), grammar);
  assert.equal(cache.numWaiting, 0);
});

Deno.test("grammar cache: what nobody waits for any more is not compiled", () => {
  const cache = new GrammarCache();
  cache.release(cache.retain(sourceOf("a")));
  assert.equal(cache.next(), undefined);
  assert.equal(cache.size, 0);
});

Deno.test("grammar cache: of grammars that nobody has the latest are kept, by number and by size", () => {
  for (const [length, numGrammars, numKept] of [[10, 300, 256], [2 ** 20, 40, 16]] as const) {
    const cache = new GrammarCache(), { slot, dropped } = fakeSlot();
    const held = cache.retain(sourceOf("held"));
    cache.next();
    cache.onCompiled(held, slot);
    for (let i = 0; i < numGrammars; i++) {
      const grammar = cache.retain(sourceOf(`${i}`.padEnd(length)));
      cache.next();
      cache.onCompiled(grammar, slot);
      cache.release(grammar);
    }
    assert.equal(cache.size, numKept);
    assert.deepEqual(dropped, Array.from({ length: numGrammars + 1 - numKept }, (_, i) => i + 1));
    assert.equal(held.slot, slot);
  }
});

Deno.test("grammar cache: with a host its grammars go, but those in use wait for another", () => {
  const cache = new GrammarCache(), { slot } = fakeSlot();
  const [used, unused] = ["a", "b"].map((text) => cache.retain(sourceOf(text))) as [
    ReturnType<GrammarCache["retain"]>,
    ReturnType<GrammarCache["retain"]>,
  ];
  for (const grammar of [used, unused]) {
    cache.next();
    cache.onCompiled(grammar, slot);
  }
  cache.release(unused);
  cache.onLost(slot);
  assert.equal(cache.size, 1);
  assert.equal(cache.next(), used);
  assert.equal(used.slot, undefined);
});
