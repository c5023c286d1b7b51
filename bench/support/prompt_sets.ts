/**
 * The prompts of `bench:speculative`: questions of EAGLE's evaluation, and texts to repeat.
 *
 * @module
 */
import type { EngineTokenizer } from "../../runtime/engine/options.ts";

/** Names of the sets. */
export const setNames = ["mt_bench", "gsm8k", "humaneval", "alpaca", "repeat"] as const;

/** The first `count` prompts of a set, as tokens of a chat. */
export async function promptsOf(
  name: string,
  count: number,
  tokenizer: EngineTokenizer,
): Promise<Int32Array[]> {
  if (name === "repeat") {
    const texts = questionsOf("humaneval").concat(questionsOf("gsm8k")).slice(0, count);
    return await repetitions(texts, tokenizer);
  }
  const questions = questionsOf(name).slice(0, count);
  return await Promise.all(questions.map((content) => tokenizer.renderChat([{ role: "user", content }])));
}

/** First turns of a file in `bench/prompts`. */
function questionsOf(name: string): string[] {
  const lines = Deno.readTextFileSync(new URL(`../prompts/${name}.jsonl`, import.meta.url)).trimEnd().split(
    "\n",
  );
  return lines.map((line) => JSON.parse(line)["turns"][0]);
}

/** Asks for a text with one change; the answer is begun, so that a small model does as it is told. */
function repetitions(texts: readonly string[], tokenizer: EngineTokenizer): Promise<Int32Array[]> {
  return Promise.all(texts.map((text) => {
    const content = `Repeat this text, but write "Alice" instead of every name in it.\n\n${text}`;
    const begun = `Here is the text:\n\n${text.slice(0, 60)}`;
    const messages = [{ role: "user", content }, { role: "assistant", content: begun }];
    return tokenizer.renderChat(messages, { continueFinalMessage: true });
  }));
}
