/**
 * Trees drafted with heads against EAGLE-2 done slowly with a float64 head: over growing sequences, several at once, with
 * pages that hold draft KV already.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { DraftTree } from "../../../runtime/contracts/draft_tree.ts";
import type { DraftRequest } from "../../../runtime/messages/scheduler_drafter.ts";
import { TreeProposer } from "../../../runtime/speculation/tree_proposer.ts";
import { seededRandom } from "../../support/block_formats.ts";
import type { ReferenceHead } from "../../support/head_reference.ts";
import {
  HEAD_LIMITS,
  type HeadPair,
  type LoadedHead,
  slotsOf,
  withLoadedHead,
  withTinyHead,
  writeFeatures,
} from "../../support/heads.ts";
import { referenceWeights } from "../../support/models.ts";
import { type Row, softmax } from "../../support/reference.ts";
import { randomDraftTokens } from "../../support/tiny_head.ts";

const TOPK = 4, VOCAB = 300;
const draftTokens = randomDraftTokens(97, VOCAB, seededRandom(1));

/** A tree to grow. */
interface Shape {
  readonly numSteps: number;
  readonly topk: number;
  readonly numNodes: number;
}
const SHAPE: Shape = { numSteps: 4, topk: 3, numNodes: 9 };

/** A sequence with its hidden states, as the target would leave them. */
class TestSequence {
  readonly id: string;
  readonly tokens: number[] = [];
  readonly features: Float32Array[] = [];
  readonly pages: Int32Array;
  #numGiven = 0;

  constructor(id: string, pages: readonly number[]) {
    this.id = id;
    this.pages = Int32Array.from(pages);
  }

  /** Adds tokens; all but the newest get states. */
  add(loaded: LoadedHead, pair: HeadPair, tokens: readonly number[], seed: number): this {
    this.tokens.push(...tokens);
    const width = pair.head.head.featureLayers.length * pair.target.config.hiddenSize;
    const slots = slotsOf(this.pages, this.tokens.length - 1).slice(this.features.length);
    this.features.push(...writeFeatures(loaded, { slots, width, seed }));
    return this;
  }

  /** What the scheduler would ask for. */
  request(shape: Shape): DraftRequest {
    const start = this.#numGiven;
    this.#numGiven = this.tokens.length;
    const { id: requestId, pages } = this;
    return {
      requestId,
      start,
      tokens: Int32Array.from(this.tokens.slice(start)),
      pages,
      ...shape,
    };
  }
}

const someTokens = (count: number, seed: number) => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => Math.floor(random() * VOCAB));
};

/** The best nodes, as path and probability. */
function judge(
  head: ReferenceHead,
  { tokens, features }: TestSequence,
  { numSteps, topk, numNodes }: Shape,
  ids: readonly number[] | undefined,
  lmHead?: readonly Row[],
): Map<string, number> {
  interface Candidate {
    readonly path: readonly number[];
    readonly p: number;
    readonly state: Row;
    readonly rows: readonly number[];
  }
  const committed = features.map((_, t) => t);
  let numRows = committed.length, last = { state: [] as Row, logits: new Float64Array(0) as Float64Array };
  for (const t of committed) {
    const row = { features: features[t]!, token: tokens[t + 1]!, position: t, sees: committed.slice(0, t) };
    const result = head.run(row, lmHead);
    last = { state: result.state, logits: result.logits };
  }
  const childrenOf = (
    parent: Pick<Candidate, "path" | "p" | "rows">,
    state: Row,
    logits: Float64Array,
  ): Candidate[] =>
    [...softmax(logits).entries()].toSorted((a, b) => b[1] - a[1]).slice(0, topk).map(([id, q]) => ({
      path: [...parent.path, ids?.[id] ?? id],
      p: parent.p * q,
      state,
      rows: parent.rows,
    }));
  const byProbability = (a: Candidate, b: Candidate) => b.p - a.p;
  let level = childrenOf({ path: [], p: 1, rows: [] }, last.state, last.logits);
  const all = [...level];
  for (let depth = 1; depth < numSteps; depth++) {
    level = level.toSorted(byProbability).slice(0, topk).flatMap((node) => {
      const position = committed.length + depth - 1, sees = [...committed, ...node.rows];
      const { state, logits } = head.run(
        { state: node.state, token: node.path.at(-1)!, position, sees },
        lmHead,
      );
      return childrenOf({ ...node, rows: [...node.rows, numRows++] }, state, logits);
    });
    all.push(...level);
  }
  return new Map(all.toSorted(byProbability).slice(0, numNodes).map(({ path, p }) => [path.join(), p]));
}

function assertTree(tree: DraftTree, expected: ReadonlyMap<string, number>, label: string): void {
  const paths: string[] = [];
  tree.tokens.forEach((token, i) => {
    const parent = tree.parents[i]!;
    paths.push(parent < 0 ? `${token}` : `${paths[parent]},${token}`);
  });
  assert.deepEqual(new Set(paths), new Set(expected.keys()), label);
  paths.forEach((path, i) => {
    const p = expected.get(path)!;
    assert.ok(
      Math.abs(tree.probabilities[i]! / p - 1) < 1e-3,
      `${label}: ${path} has ${tree.probabilities[i]}, expected ${p}`,
    );
  });
}

const CASES = [
  { name: "EAGLE-2", options: { kind: "eagle", hasFcBias: true } },
  { name: "EAGLE-3", options: { kind: "eagle3", draftTokens, hasFcNorm: true } },
  { name: "MTP", options: { kind: "mtp" } },
] as const;

for (const { name, options } of CASES) {
  Deno.test(`${name}: trees are the best paths of the head, as sequences grow, alone or together`, () =>
    withTinyHead(options, (pair) =>
      withLoadedHead(pair, "portable", (loaded) => {
        const ids = pair.head.head.draftTokens && [...pair.head.head.draftTokens];
        const proposer = new TreeProposer(loaded.drafter, HEAD_LIMITS, TOPK);
        const first = new TestSequence("first", [5, 2, 9]), second = new TestSequence("second", [11, 0]);
        first.add(loaded, pair, someTokens(16, 1), 1);
        second.add(loaded, pair, someTokens(6, 2), 2);
        for (let round = 0; round < 3; round++) {
          const shapes = [{ ...SHAPE, numSteps: 2 + round }, { ...SHAPE, topk: 1 + round }];
          const sequences = [first, second];
          const trees = proposer.propose(sequences.map((sequence, i) => sequence.request(shapes[i]!)));
          sequences.forEach((sequence, i) =>
            assertTree(
              trees[i]!,
              judge(pair.reference(), sequence, shapes[i]!, ids),
              `${sequence.id}, round ${round}`,
            )
          );
          first.add(loaded, pair, someTokens(1 + round, 10 + round), 10 + round);
          second.add(loaded, pair, someTokens(7, 20 + round), 20 + round);
        }
        // Skipped rounds are caught up with, and batches change nothing.
        assert.deepEqual([...proposer.propose([{ ...first.request(SHAPE), numSteps: 0 }])[0]!.tokens], []);
        first.add(loaded, pair, someTokens(4, 31), 31);
        const [together] = proposer.propose([first.request(SHAPE), second.request(SHAPE)]);
        assertTree(together!, judge(pair.reference(), first, SHAPE, ids), "after a round without drafts");
        const alone = new TestSequence("alone", [...first.pages]);
        alone.tokens.push(...first.tokens);
        assert.deepEqual(proposer.propose([alone.request(SHAPE)])[0], together);
      })));
}

Deno.test("prompts longer than a forward are caught up with in several", () =>
  withTinyHead({ kind: "eagle3", draftTokens }, (pair) =>
    withLoadedHead(pair, "portable", (loaded) => {
      const proposer = new TreeProposer(loaded.drafter, HEAD_LIMITS, TOPK);
      const sequences = [0, 1, 2].map((i) => {
        const pages = Array.from({ length: 8 }, (_, page) => 8 * i + page);
        return new TestSequence(`long ${i}`, pages).add(loaded, pair, someTokens(100, 40 + i), 40 + i);
      });
      const trees = proposer.propose(sequences.map((sequence) => sequence.request(SHAPE)));
      sequences.forEach((sequence, i) =>
        assertTree(trees[i]!, judge(pair.reference(), sequence, SHAPE, draftTokens), sequence.id)
      );
    })));

Deno.test("pages that hold the draft KV of the same tokens are not filled again, others are", () =>
  withTinyHead({ kind: "eagle3", draftTokens }, (pair) =>
    withLoadedHead(pair, "portable", (loaded) => {
      const { pageSize } = HEAD_LIMITS,
        tokens = someTokens(40, 50),
        width = 3 * pair.target.config.hiddenSize;
      const proposer = new TreeProposer(loaded.drafter, HEAD_LIMITS, TOPK);
      const first = new TestSequence("first", [1, 2, 3]).add(loaded, pair, tokens, 51);
      proposer.propose([first.request(SHAPE)]);
      proposer.release("first");

      // Shares two pages. Their states are corrupted: only KV that is kept can make the right tree.
      const second = new TestSequence("second", [1, 2, 4]);
      second.tokens.push(...tokens.slice(0, 2 * pageSize + 1));
      second.features.push(...first.features.slice(0, 2 * pageSize));
      second.add(loaded, pair, someTokens(5, 52), 52);
      writeFeatures(loaded, { slots: slotsOf(second.pages, 2 * pageSize), width, seed: 53 });
      const [tree] = proposer.propose([second.request(SHAPE)]);
      assertTree(tree!, judge(pair.reference(), second, SHAPE, draftTokens), "shared pages");

      // The same pages with one other token: everything from there on is computed.
      const third = new TestSequence("third", [1, 2, 5]);
      const changed = tokens.map((token, i) => i === pageSize ? (token + 1) % VOCAB : token);
      third.add(loaded, pair, changed, 54);
      const [other] = proposer.propose([third.request(SHAPE)]);
      assertTree(other!, judge(pair.reference(), third, SHAPE, draftTokens), "other tokens");
    })));

Deno.test("FR-Spec: drafts are the best paths among the hot tokens", () =>
  withTinyHead({ kind: "eagle" }, (pair) => {
    const hotTokens = Int32Array.from(randomDraftTokens(64, VOCAB, seededRandom(60))).reverse();
    const lmHead = referenceWeights(pair.target)("lm_head.weight");
    withLoadedHead(pair, "portable", (loaded) => {
      const proposer = new TreeProposer(loaded.drafter, HEAD_LIMITS, TOPK);
      const sequence = new TestSequence("hot", [3, 4]).add(loaded, pair, someTokens(20, 61), 61);
      const [tree] = proposer.propose([sequence.request(SHAPE)]);
      const rows = Array.from(hotTokens, (token) => lmHead[token]!);
      assertTree(tree!, judge(pair.reference(), sequence, SHAPE, [...hotTokens], rows), "hot tokens");
    }, { topk: TOPK, hotTokens });
  }));

Deno.test("tokens that were left out are refused", () =>
  withTinyHead({ kind: "eagle" }, (pair) =>
    withLoadedHead(pair, "portable", (loaded) => {
      const proposer = new TreeProposer(loaded.drafter, HEAD_LIMITS, TOPK);
      const sequence = new TestSequence("gap", [3, 4]).add(loaded, pair, someTokens(5, 70), 70);
      assert.throws(() => proposer.propose([{ ...sequence.request(SHAPE), start: 2 }]), {
        name: "RangeError",
        message: "Cannot draft for gap: tokens from 2, expected 0",
      });
    })));
