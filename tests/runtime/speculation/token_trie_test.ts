import assert from "node:assert/strict";
import { ROOT, TokenTrie } from "../../../runtime/speculation/token_trie.ts";
import { seededRandom } from "../../support/block_formats.ts";

/** Nodes that can be reached from the root. */
function reachable(trie: TokenTrie, node = ROOT): number {
  return trie.childrenOf(node, "recency", Infinity)
    .reduce((sum, child) => sum + reachable(trie, child.node), 1);
}

/** How often the last token of a run came among those that followed the others; undefined if it is not there. */
function shareOf(trie: TokenTrie, run: readonly number[]): number | undefined {
  let found = { node: ROOT, share: 1 };
  for (const token of run) {
    const child = trie.childrenOf(found.node, "frequency", Infinity)
      .find(({ node }) => trie.tokenAt(node) === token);
    if (child === undefined) return undefined;
    found = child;
  }
  return found.share;
}

Deno.test("a trie that forgets keeps nothing that cannot be found", () => {
  const trie = new TokenTrie({ maxDepth: 4, capacity: 40 });
  let ends: number[] = [], generations = 0;
  for (let i = 0; i < 400; i++) {
    const { generation } = trie;
    ends = trie.append(ends, (i * i + (i >> 2)) % 11);
    generations += Number(trie.generation !== generation);
    assert.equal(reachable(trie), trie.numNodes, `after ${i + 1} tokens`);
    assert.ok(trie.numNodes <= 40);
  }
  assert.ok(generations > 3);
});

Deno.test("a trie that grows, and forgets, knows how often each run came", () => {
  const maxDepth = 5, random = seededRandom(3);
  const trie = new TokenTrie({ maxDepth, capacity: 6000 });
  let ends: number[] = [], { generation } = trie, mostNodes = 0, numForgotten = 0;
  const runs: number[][] = [], counts = new Map<string, number>();
  for (let i = 0; i < 3200; i++) {
    const token = Math.floor(200_000 * random() ** 4);
    ends = trie.append(ends, token);
    if (trie.generation !== generation) {
      generation = trie.generation;
      numForgotten++;
      counts.clear();
      runs.length = 0;
    }
    // All runs that end here.
    const last = runs.at(-1) ?? [];
    runs.push([...last, token].slice(-maxDepth));
    for (let length = 1; length <= runs.at(-1)!.length; length++) {
      const run = runs.at(-1)!.slice(-length).join();
      counts.set(run, (counts.get(run) ?? 0) + 1);
    }
    assert.equal(trie.numNodes, 1 + counts.size, `after ${i + 1} tokens`);
    mostNodes = Math.max(mostNodes, trie.numNodes);
  }
  assert.ok(mostNodes > 4096 && numForgotten > 0, `${mostNodes} nodes, forgotten ${numForgotten} times`);
  const followers = new Map<string, number>();
  for (const [run, count] of counts) {
    const before = run.split(",").slice(0, -1).join();
    followers.set(before, (followers.get(before) ?? 0) + count);
  }
  for (const [run, count] of counts) {
    const tokens = run.split(",").map(Number), before = tokens.slice(0, -1).join();
    assert.equal(shareOf(trie, tokens), count / followers.get(before)!, run);
  }
});
