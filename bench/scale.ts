/**
 * `deno task bench:scale`: many streams at once through smg over two workers, beside one server with all threads. Both
 * are up all the time and are asked by turns in one run.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ServerProcess } from "../tests/support/server_process.ts";
import { ScaleProcess } from "../tests/support/scale_process.ts";
import { PROMPT } from "./support/prompt.ts";
import { median, print, printTable } from "./support/report.ts";

const { values } = parseArgs({
  options: {
    "model-path": { type: "string" },
    workers: { type: "string", default: "2" },
    policy: { type: "string", default: "cache_aware" },
    streams: { type: "string", default: "32" },
    tokens: { type: "string", default: "64" },
    rounds: { type: "string", default: "5" },
  },
});
const numStreams = Number(values.streams), numTokens = Number(values.tokens);
const numRounds = Number(values.rounds);
const NAME = "bench";
/** Words of a prompt. */
const NUM_WORDS = 60;

/** What one round took. */
interface Round {
  /** Tokens of all streams a second, from the questions to the last token. */
  readonly throughput: number;
  /** Seconds to the first token of each stream. */
  readonly firstTokens: readonly number[];
}

const model = values["model-path"] === undefined ? [] : ["--model-path", values["model-path"]];
const flags = [...model, "--served-model-name", NAME, "--log-level", "error"];
print(`${numStreams} streams of ${numTokens} tokens, medians of ${numRounds} alternating rounds`);
await using single = await ServerProcess.start([...model, "--served-model-name", NAME]);
await using fleet = await ScaleProcess.start([
  ...flags,
  ...["--workers", values.workers, "--policy", values.policy],
]);
const sides: Record<string, string> = {
  "one server, all threads": single.url,
  [`smg (${values.policy}), ${values.workers} workers`]: fleet.url,
};
const words = PROMPT.split(/\s+/);
let numPrompts = 0;

/** A prompt that nobody has seen: prefix caches do not help. */
function nextPrompt(): string {
  const seed = numPrompts++;
  const text = Array.from({ length: NUM_WORDS }, (_, i) => words[(7 * seed + i) % words.length]);
  return `Story ${seed}. ${text.join(" ")}`;
}

/** Reads one stream; seconds to its first token. Nothing is parsed: the client shares the machine. */
async function stream(url: string, startedAt: number): Promise<number> {
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      "model": NAME,
      "prompt": nextPrompt(),
      "max_tokens": numTokens,
      "temperature": 0,
      "ignore_eos": true,
      "stream": true,
    }),
  });
  let first: number | undefined, last = "";
  for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
    first ??= (performance.now() - startedAt) / 1000;
    last = (last + part).slice(-1000);
  }
  if (!last.includes('"finish_reason":"length"')) {
    throw new Error(`Cannot measure ${url}: it answered ${last}`);
  }
  return first!;
}

async function ask(url: string): Promise<Round> {
  const startedAt = performance.now();
  const firstTokens = await Promise.all(Array.from({ length: numStreams }, () => stream(url, startedAt)));
  const seconds = (performance.now() - startedAt) / 1000;
  return { throughput: numStreams * numTokens / seconds, firstTokens };
}

const rounds = new Map<string, Round[]>(Object.keys(sides).map((name) => [name, []]));
// The first round compiles code and learns what forwards cost.
for (let round = -1; round < numRounds; round++) {
  for (const [name, url] of Object.entries(sides)) {
    const took = await ask(url);
    if (round >= 0) rounds.get(name)!.push(took);
  }
}
printTable([
  ["", "token/s", "first token p50, s", "first token max, s"],
  ...[...rounds].map(([name, own]) => [
    name,
    median(own.map(({ throughput }) => throughput)).toFixed(1),
    median(own.map(({ firstTokens }) => median(firstTokens))).toFixed(2),
    median(own.map(({ firstTokens }) => Math.max(...firstTokens))).toFixed(2),
  ]),
]);
