/**
 * Grammars over token ids for tests: which tokens may come is a function of the output so far, as it is with real ones, but
 * needs neither a vocabulary nor a process.
 *
 * @module
 */
import type { OutputConstraint } from "../../runtime/contracts/constraint.ts";
import type { DraftTree } from "../../runtime/contracts/draft_tree.ts";
import { pathTokens } from "../../runtime/contracts/draft_tree.ts";

/** Tokens that may come after an output, ascending; undefined: every token. Never none. */
export type FakeGrammar = (output: readonly number[]) => readonly number[] | undefined;

/** A constraint that {@linkcode grammarOf} makes a random grammar of. */
export function fakeConstraint(seed: number): OutputConstraint {
  return { grammar: { type: "ebnf", grammar: `fake ${seed}` }, param: "ebnf" };
}

/**
 * The grammar of a fake constraint. It has 24 states, by the last two tokens: in some of them one token may come, in others a
 * few or half of the vocabulary, end token included, or every token. After `maxLength` tokens it ends.
 */
export function grammarOf(
  { grammar }: OutputConstraint,
  { vocabSize, endToken, maxLength = 40 }: {
    readonly vocabSize: number;
    readonly endToken: number;
    readonly maxLength?: number;
  },
): FakeGrammar {
  const seed = grammar?.type === "ebnf" ? Number(grammar.grammar.split(" ")[1]) : 0;
  const states = Array.from({ length: 24 }, (_, state) => {
    const random = randomOf(seed * 24 + state), kind = random(6);
    if (kind === 5) return undefined;
    if (kind === 4) {
      return Array.from({ length: vocabSize }, (_, token) => token)
        .filter((token) => token === endToken || random(2) === 0);
    }
    const tokens = Array.from({ length: kind < 3 ? 1 : 2 + random(3) }, () => random(vocabSize))
      .map((token) => token === endToken ? (token + 1) % vocabSize : token);
    return [...new Set(tokens)].sort((a, b) => a - b);
  });
  return (output) => {
    if (output.length >= maxLength) return [endToken];
    return states[(7 * (output.at(-1) ?? 3) + 5 * (output.at(-2) ?? 1)) % states.length];
  };
}

/** Whether a token may come after an output. */
export function allows(grammar: FakeGrammar, output: readonly number[], token: number): boolean {
  return grammar(output)?.includes(token) ?? true;
}

/**
 * The tree without the nodes that the grammar forbids, and behind the root and every node the tokens that it forces, as far
 * as `maxNodes` allows.
 */
export function refine(
  grammar: FakeGrammar,
  output: readonly number[],
  tree: DraftTree,
  maxNodes: number,
): DraftTree {
  const tokens: number[] = [], parents: number[] = [], probabilities: number[] = [];
  const pathOf = (node: number): number[] => node < 0 ? [] : [...pathOf(parents[node]!), tokens[node]!];
  const add = (token: number, parent: number, probability: number) => {
    parents.push(parent);
    probabilities.push(probability);
    return tokens.push(token) - 1;
  };
  const kept = new Map([[-1, -1]]);
  tree.tokens.forEach((token, node) => {
    const parent = kept.get(tree.parents[node]!);
    if (parent === undefined) return;
    const path = pathTokens(tree, node).slice(0, -1);
    if (allows(grammar, [...output, ...path], token)) {
      kept.set(node, add(token, parent, tree.probabilities[node]!));
    }
  });
  for (let node = -1; node < tokens.length && tokens.length < maxNodes; node++) {
    const forced = grammar([...output, ...pathOf(node)]);
    if (forced?.length !== 1) continue;
    const isThere = tokens.some((token, child) => parents[child] === node && token === forced[0]);
    if (!isThere) add(forced[0]!, node, node < 0 ? 1 : probabilities[node]!);
  }
  return {
    tokens: Int32Array.from(tokens),
    parents: Int32Array.from(parents),
    probabilities: Float32Array.from(probabilities),
  };
}

/** Random numbers by a seed. */
function randomOf(seed: number): (below: number) => number {
  let hash = Math.imul(seed + 1, 0x9e3779b9);
  return (below) => {
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return ((hash ^ (hash >>> 13)) >>> 0) % below;
  };
}
