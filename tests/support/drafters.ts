/**
 * Drafters for tests: actors that propose the trees of a function, which knows how every request goes on.
 *
 * @module
 */
import type { Actor } from "../../runtime/actor/actor.ts";
import { chainOf, type DraftTree } from "../../runtime/contracts/draft_tree.ts";
import type { DrafterMessage } from "../../runtime/messages/actors.ts";
import type { Drafted, DraftRequest } from "../../runtime/messages/scheduler_drafter.ts";
import type { DrafterConfig, DrafterInfo } from "../../runtime/contracts/config.ts";

/** The tree for a request, given the tokens that will be drawn next; fewer than `numSteps` if it ends before. */
export type MakeDraft = (
  request: DraftRequest,
  truth: readonly number[],
  random: (below: number) => number,
) => DraftTree;

/** A drafter that calls `make`; `tokensOf` has prompt and output of every request. */
export function scriptedDrafter(
  tokensOf: (requestId: string) => readonly number[],
  make: MakeDraft,
): Actor<DrafterConfig, DrafterInfo, DrafterMessage> {
  const free = { sizes: [1], ms: [0] };
  return {
    name: "drafter",
    start: () => ({ costs: { firstMs: free, levelMs: free, tokenMs: 0 } }),
    receive(message, { send }) {
      if (message.type === "release") return;
      const trees = message.requests.map((request) => {
        const end = request.start + request.tokens.length;
        const truth = tokensOf(request.requestId).slice(end, end + request.numSteps);
        return make(request, truth, randomOf(`${request.requestId} ${end}`));
      });
      const numRead = Int32Array.from(message.requests, ({ start, tokens }) => start + tokens.length);
      const drafted: Drafted = { type: "drafted", step: message.step, trees, numRead };
      send("scheduler", drafted);
    },
    stop() {},
  };
}

/** Chains of the tokens that will be drawn. */
export function alwaysRight({ numNodes }: DraftRequest, truth: readonly number[]): DraftTree {
  const tokens = Int32Array.from(truth.slice(0, numNodes));
  return chainOf(tokens, Float32Array.from(tokens, () => 0.9));
}

/** Full trees in which no token is the one that will be drawn. */
export function alwaysWrong(vocabSize: number): MakeDraft {
  return (request, truth, random) =>
    growRandomly(request, random, (depth) => {
      const token = random(vocabSize);
      return token === truth[depth - 1] ? (token + 1) % vocabSize : token;
    });
}

/** Trees of random shape, in which about half of the tokens are right for their depth. */
export function randomTrees(vocabSize: number): MakeDraft {
  return (request, truth, random) =>
    growRandomly(request, random, (depth) => random(2) === 0 ? random(vocabSize) : truth[depth - 1] ?? 0);
}

function growRandomly(
  { numSteps, topk, numNodes }: DraftRequest,
  random: (below: number) => number,
  tokenAt: (depth: number) => number,
): DraftTree {
  const tokens: number[] = [], parents: number[] = [], depths: number[] = [];
  for (let tries = 0; tokens.length < numNodes && tries < 4 * numNodes; tries++) {
    const parent = random(tokens.length + 1) - 1, depth = parent < 0 ? 1 : depths[parent]! + 1;
    const siblings = [...parents.keys()].filter((node) => parents[node] === parent);
    if (depth > numSteps || siblings.length >= topk) continue;
    const token = tokenAt(depth);
    if (siblings.some((node) => tokens[node] === token)) continue;
    tokens.push(token);
    parents.push(parent);
    depths.push(depth);
  }
  return {
    tokens: Int32Array.from(tokens),
    parents: Int32Array.from(parents),
    probabilities: Float32Array.from(depths, (depth) => 0.7 ** depth),
  };
}

/** Random numbers that depend on a text. */
function randomOf(text: string): (below: number) => number {
  let hash = [...text].reduce(
    (hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 0x01000193),
    0x811c9dc5,
  );
  return (below) => {
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return (hash >>> 0) % below;
  };
}
