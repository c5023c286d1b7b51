import assert from "node:assert/strict";
import { ROOT, TokenTrie } from "../../../runtime/speculation/token_trie.ts";

/** Nodes that can be reached from the root. */
function reachable(trie: TokenTrie, node = ROOT): number {
  return trie.childrenOf(node, "recency", Infinity)
    .reduce((sum, child) => sum + reachable(trie, child.node), 1);
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
