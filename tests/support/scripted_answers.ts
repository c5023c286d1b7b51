/**
 * Answers whose parts are given: a character of output for each, in place of a parser.
 *
 * @module
 */
import type { AnswerPart, AnswerReader } from "../../routes/generation/conversation.ts";
import { type Indexed, Output } from "../../routes/generation/run.ts";
import type { FinishReason } from "../../runtime/contracts/outputs.ts";

/** How such an answer ends. */
export const stopped: FinishReason = { type: "stop", matched: 0 };

/** Where readers of `parts` come from. */
export function readersOf(parts: readonly AnswerPart[]): { reader(): AnswerReader } {
  return {
    reader() {
      let at = 0;
      return {
        numReasoningTokens: parts.filter(({ type }) => type === "reasoning").length,
        push: ({ text }) => parts.slice(at, at += text.length),
        flush: () => [],
      };
    },
  };
}

/** The output of an answer of `numParts` parts. */
export function outputOf(numParts: number, finish: FinishReason = stopped): Output {
  const output = new Output();
  output.add({
    text: ".".repeat(numParts),
    tokens: new Array(numParts).fill(46),
    finish,
    usage: { numPromptTokens: 7, numCompletionTokens: numParts, numCachedTokens: 3, numPreemptions: 0 },
  });
  return output;
}

/** The same as chunks of a part each; the last has the end alone. */
export async function* chunksOf(
  numParts: number,
  finish: FinishReason = stopped,
): AsyncGenerator<Indexed<Output>> {
  for (let i = 0; i <= numParts; i++) {
    const value = new Output();
    value.add({
      text: i < numParts ? "." : "",
      tokens: i < numParts ? [46] : [],
      ...(i === numParts && { finish }),
      usage: {
        numPromptTokens: 7,
        numCompletionTokens: Math.min(i + 1, numParts),
        numCachedTokens: 3,
        numPreemptions: 0,
      },
    });
    yield { index: 0, value };
    await Promise.resolve();
  }
}

/** An answer that thinks, speaks and calls two tools. */
export const everyPart: readonly AnswerPart[] = [
  { type: "reasoning", text: "Hm" },
  { type: "reasoning", text: "m." },
  { type: "content", text: "Let me " },
  { type: "content", text: "see." },
  { type: "call", index: 0, id: "call_a", name: "weather" },
  { type: "arguments", index: 0, text: '{"city":' },
  { type: "arguments", index: 0, text: '"Rome"}' },
  { type: "call", index: 1, id: "call_b", name: "time" },
  { type: "arguments", index: 1, text: "{}" },
];
