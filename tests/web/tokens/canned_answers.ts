/**
 * Answers with rounds, made by rule.
 *
 * @module
 */
import type { Answer, SpeculationRound } from "../../../web/api/answer.ts";

/** A round without drafts. */
export function plainRound(text: string, verifyMs: number = 8): SpeculationRound {
  return {
    tokens: [{ id: 1, text, origin: "plain" }],
    tree: null,
    accepted: [],
    draft_ms: 0,
    verify_ms: verifyMs,
  };
}

/** A round of so many tokens. */
export function roundOf(numTokens: number): SpeculationRound {
  const { tokens, ...round } = plainRound("a");
  return { ...round, tokens: Array(numTokens).fill(tokens[0]) };
}

/** A round with a tree of (text, parent, product) nodes. */
export function draftedRound(
  nodes: readonly (readonly [string, number, number])[],
  accepted: readonly number[],
  bonus: string | undefined,
): SpeculationRound {
  return {
    tokens: [
      ...accepted.map((node) => ({ id: 1, text: nodes[node]![0], origin: "accepted" as const })),
      ...(bonus === undefined ? [] : [{ id: 1, text: bonus, origin: "bonus" as const }]),
    ],
    tree: {
      tokens: nodes.map(() => 1),
      texts: nodes.map(([text]) => text),
      parents: nodes.map(([, parent]) => parent),
      probabilities: nodes.map(([, , product]) => product),
    },
    accepted: [...accepted],
    draft_ms: 2,
    verify_ms: 10,
  };
}

/** An answer of these rounds. */
export function answerOf(rounds: readonly SpeculationRound[], rest: string = ""): Answer {
  const text = rounds.flatMap(({ tokens }) => tokens.map(({ text }) => text)).join("") + rest;
  return { text, rounds, state: "ended", sentAt: 0 };
}

/** A short answer with all three origins: "The quick brown fox\n jumps over". */
export const SHORT: Answer = answerOf([
  plainRound("The", 40),
  draftedRound(
    [[" quick", -1, 0.6], [" slow", -1, 0.2], [" brown", 0, 0.45], [" red", 0, 0.06], [" dog", 2, 0.3], [
      " cat",
      2,
      0.1,
    ]],
    [0, 2],
    " fox",
  ),
  plainRound("\n", 8),
  plainRound(" jumps", 9),
  draftedRound([[" on", -1, 0.5], [" up", -1, 0.25]], [], " over"),
]);

/** An answer of many tokens: rounds of two accepted drafts and a bonus token, a line every few rounds. */
export function longAnswer(numTokens: number): Answer {
  const rounds = [plainRound("Begin")];
  for (let index = 0; rounds.length * 3 < numTokens; index++) {
    const bonus = index % 7 === 6 ? `.\n` : ` and${index}`;
    rounds.push(draftedRound([[` word${index}`, -1, 0.7], [" x", 0, 0.6], [" y", 0, 0.1]], [0, 1], bonus));
  }
  return answerOf(rounds);
}
