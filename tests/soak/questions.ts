/**
 * What the soak asks: requests of all endpoints and sizes whose answers depend on nothing but themselves.
 *
 * @module
 */
import type { Random } from "../support/block_formats.ts";

/** A request and the text that an idle server answers it with. */
export interface Question {
  readonly path: string;
  /** Without `stream`. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Length of the JSON sent, padded with white space. */
  readonly numBytes: number;
}

/** Bytes of the largest body of a request that is answered. */
const MAX_BYTES = 200_000;
/** Tokens of the longest answer. */
const MAX_TOKENS = 256;
const SETS = ["mt_bench", "gsm8k", "humaneval", "alpaca"];

/** `count` requests: chats, completions and native ones, greedy and sampled, with one answer or several. */
export function drawQuestions(count: number, random: Random): Question[] {
  const texts = SETS.flatMap(firstTurns);
  const below = (limit: number) => Math.floor(random() * limit);
  return Array.from({ length: count }, (_, index) => {
    const text = texts[below(texts.length)]!;
    // One in eight prompts is a few hundred tokens long, so that chunks of prompts meet decoding sequences.
    const prompt = index % 8 === 0
      ? Array.from({ length: 4 }, () => texts[below(texts.length)]).join("\n")
      : text;
    const sampling = index % 2 === 0 ? { temperature: 0 } : { temperature: 0.8, "top_p": 0.9 };
    // Most answers are as long as they may be, so that the pool is too small for those it was enough for.
    const common = { ...sampling, "ignore_eos": index % 4 < 3 };
    const question = ask(index, prompt, { ...common, maxTokens: 8 + below(MAX_TOKENS - 8) });
    const size = JSON.stringify(question.body).length + 20;
    const numBytes = index % 4 === 0 ? Math.round(size * (MAX_BYTES / size) ** random()) : size;
    return { ...question, numBytes };
  });
}

/** The JSON of a request. */
export function jsonOf({ body, numBytes }: Question, stream: boolean): string {
  return JSON.stringify({ ...body, stream }).padEnd(numBytes);
}

function ask(
  index: number,
  prompt: string,
  { maxTokens, ...sampling }: { readonly maxTokens: number; readonly temperature: number },
): Omit<Question, "numBytes"> {
  const n = index % 5 === 0 ? 2 : 1;
  switch (index % 3) {
    case 0:
      return {
        path: "/v1/chat/completions",
        body: {
          model: "default",
          messages: [{ role: "user", content: prompt }],
          "max_tokens": maxTokens,
          seed: index,
          n,
          ...sampling,
        },
      };
    case 1:
      return {
        path: "/v1/completions",
        body: {
          model: "default",
          prompt: [prompt, prompt.slice(0, 40)],
          "max_tokens": maxTokens,
          seed: index,
          n,
          ...sampling,
        },
      };
    default:
      return {
        path: "/generate",
        body: {
          text: prompt,
          "sampling_params": { "max_new_tokens": maxTokens, "sampling_seed": index, n, ...sampling },
        },
      };
  }
}

function firstTurns(set: string): string[] {
  const path = new URL(`../../bench/prompts/${set}.jsonl`, import.meta.url);
  return Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line)["turns"][0]);
}
