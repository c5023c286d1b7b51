import assert from "node:assert/strict";
import { depthsOf, type DraftTree, pathTokens } from "../../../runtime/contracts/draft_tree.ts";
import type { DraftRequest } from "../../../runtime/messages/scheduler_drafter.ts";
import { NgramProposer } from "../../../runtime/speculation/ngram.ts";
import type { ProposerParts } from "../../../runtime/speculation/proposer.ts";
import type { NgramConfig } from "../../../runtime/contracts/speculation_config.ts";

function proposerOf(ngram: Partial<NgramConfig> = {}): NgramProposer {
  const config = { minBreadth: 1, maxBreadth: 4, matchType: "BFS", maxDepth: 8, capacity: 10_000, ...ngram };
  return new NgramProposer({ speculation: { ngram: config } } as Pick<ProposerParts, "speculation">);
}

/** The tree after `tokens`, all of them new. */
function draft(
  proposer: NgramProposer,
  requestId: string,
  tokens: readonly number[],
  change: Partial<DraftRequest> = {},
): DraftTree {
  return proposer.propose([requestOf(requestId, tokens, change)])[0]!;
}

function requestOf(
  requestId: string,
  tokens: readonly number[],
  change: Partial<DraftRequest>,
): DraftRequest {
  return {
    requestId,
    start: 0,
    tokens: Int32Array.from(tokens),
    pages: new Int32Array(0),
    numSteps: 5,
    topk: 4,
    numNodes: 12,
    ...change,
  };
}

const paths = (tree: DraftTree) => [...tree.tokens.keys()].map((node) => pathTokens(tree, node).join(" "));

Deno.test("what followed the same words before is proposed, as far as asked", () => {
  const tree = draft(proposerOf(), "r", [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3], { numSteps: 4 });
  assert.deepEqual(paths(tree), ["4", "4 5", "4 5 6", "4 5 6 7"]);
  assert.deepEqual([...tree.parents], [-1, 0, 1, 2]);
  assert.ok(tree.probabilities.every((p, i) => p > 0 && p <= (tree.probabilities[i - 1] ?? 1)));
});

Deno.test("nothing is proposed where nothing repeats", () => {
  assert.equal(draft(proposerOf(), "r", [1, 2, 3, 4, 5]).tokens.length, 0);
});

Deno.test("other sequences' words count, also those of sequences that are over", () => {
  const proposer = proposerOf();
  draft(proposer, "a", [1, 2, 3, 4, 5]);
  proposer.release("a");
  assert.equal(paths(draft(proposer, "b", [9, 1, 2]))[0], "3");
});

Deno.test("alternatives are siblings, the latest or the most frequent first", () => {
  const text = [1, 2, 1, 2, 1, 2, 1, 3, 1];
  const firsts = (tree: DraftTree) => [...tree.tokens].filter((_, node) => tree.parents[node] === -1);
  // The longest match decides alone where it says more than one thing.
  const shortMemory = { maxDepth: 2 };
  assert.deepEqual(firsts(draft(proposerOf({ ...shortMemory }), "r", text)), [3, 2]);
  assert.deepEqual(firsts(draft(proposerOf({ ...shortMemory, matchType: "PROB" }), "r", text)), [2, 3]);
  assert.deepEqual(firsts(draft(proposerOf(shortMemory), "r", text, { topk: 1 })), [3]);
});

Deno.test("a sequence is given piece by piece", () => {
  const proposer = proposerOf();
  draft(proposer, "r", [1, 2, 3, 4, 5, 1]);
  const tree = draft(proposer, "r", [2, 3], { start: 6 });
  assert.deepEqual(paths(tree).slice(0, 2), ["4", "4 5"]);
  assert.equal(proposer.numRead(requestOf("r", [2, 3], { start: 6 })), 8);
});

Deno.test("limits on levels, children and nodes hold", () => {
  const text = Array.from({ length: 400 }, (_, i) => (i * i * 7 + i % 5) % 11);
  for (const [numSteps, topk, numNodes] of [[1, 1, 1], [3, 2, 7], [5, 4, 12], [2, 3, 63]] as const) {
    const tree = draft(proposerOf({ maxBreadth: 10 }), "r", text, { numSteps, topk, numNodes });
    assert.ok(tree.tokens.length > 0 && tree.tokens.length <= numNodes);
    assert.ok(Math.max(...depthsOf(tree.parents)) <= numSteps);
    for (const parent of [-1, ...tree.parents.keys()]) {
      const children = [...tree.parents.keys()].filter((node) => tree.parents[node] === parent);
      assert.ok(children.length <= topk);
      assert.equal(new Set(children.map((node) => tree.tokens[node])).size, children.length);
      assert.ok(children.every((node) => node > parent));
    }
  }
});

Deno.test("a full trie forgets and goes on", () => {
  const proposer = proposerOf({ capacity: 60 });
  const unheard = Array.from({ length: 300 }, (_, i) => i);
  draft(proposer, "r", unheard);
  const tree = draft(proposer, "r", [7, 8, 9, 7, 8], { start: 300 });
  assert.equal(paths(tree)[0], "9");
});
