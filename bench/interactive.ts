/**
 * `deno task bench:interactive`: how long the gaps of running streams are while a long prompt arrives, and when its first
 * token is there: Aerie's server beside llama.cpp, and beside another checkout of Aerie (`--before <folder>`), each a
 * process of its own, by turns in one run.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { aerieOptions, modelFlags } from "./support/aerie.ts";
import { PROMPT } from "./support/prompt.ts";
import { median, print, printTable } from "./support/report.ts";
import { ServerSide } from "./support/server_side.ts";
import type { Setup, Side, Stream } from "./support/side.ts";
import { sides } from "./support/sides.ts";

const { values } = parseArgs({
  options: {
    "model-path": { type: "string" },
    threads: { type: "string", default: String(navigator.hardwareConcurrency) },
    rounds: { type: "string", default: "1" },
    streams: { type: "string" },
    prompts: { type: "string" },
    before: { type: "string" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
  },
});
const numbers = (text: string) => text.split(",").map(Number);
const numRounds = Number(values.rounds), threads = Number(values.threads);
const streamCounts = numbers(values.streams ?? (values.quick ? "4" : "1,4,8"));
const promptLengths = numbers(values.prompts ?? (values.quick ? "1000,4000" : "1000,4000,8000"));

/** Tokens of the streams' own prompts, and of their answers at most. */
const NUM_STREAM_PROMPT = 32, NUM_STREAM_TOKENS = 6000;
/** The streams run alone for so long: before they are looked at, and before the prompt arrives. */
const SETTLED_MS = 1500, ARRIVAL_MS = 3500;
/** Tokens that a sequence may have; the default model's context. */
const CONTEXT = 8192;
/** llama.cpp's own default, by which it divides long prompts. */
const LLAMA_BATCH = 512;

/** Gaps and first token of one round, milliseconds. */
interface Round {
  readonly alone: readonly number[];
  readonly beside: readonly number[];
  readonly firstToken: number;
}

const options = await aerieOptions(modelFlags(values["model-path"]));
const modelFile = options.checkpoint.files[0]!, text = await options.tokenizer.encode(PROMPT);
const setup: Setup = {
  modelFile,
  threads,
  streams: Math.max(...streamCounts) + 1,
  streamTokens: CONTEXT,
  batchSize: LLAMA_BATCH,
};
const llama = Object.entries(sides).find(([name]) => name.startsWith("node-llama-cpp"))!;
const all: Record<string, () => Promise<Side> | Side> = {
  "aerie": () => ServerSide.start(setup),
  ...(values.before && { "aerie before": () => ServerSide.start({ ...setup, serverRoot: values.before! }) }),
  [llama[0]]: () => llama[1](setup),
};

await using stack = new AsyncDisposableStack();
const started = new Map<string, Side>();
for (const [name, start] of Object.entries(all)) {
  if (values.only.split(",").some((word) => name.includes(word))) started.set(name, stack.use(await start()));
}
print(
  `${modelFile.split("/").at(-1)}, ${threads} threads; gaps of the streams in ms while the prompt is read;`,
);
print(`medians of ${numRounds} alternating rounds; llama.cpp with batches of ${LLAMA_BATCH}`);
// Costs are learnt, code is compiled, as in a server that runs.
for (const side of started.values()) await ask(side, 2, 600);
for (const numStreams of streamCounts) {
  for (const numTokens of promptLengths) await measure(numStreams, numTokens);
}

async function measure(numStreams: number, numTokens: number): Promise<void> {
  const rounds = new Map<string, Round[]>(started.keys().map((name) => [name, []]));
  for (let round = 0; round < numRounds; round++) {
    for (const [name, side] of started) rounds.get(name)!.push(await ask(side, numStreams, numTokens));
  }
  print(`\nStreams: ${numStreams}, prompt tokens: ${numTokens}`);
  printTable([
    ["", "p50 alone", "p50", "p99", "max", "first token, s"],
    ...[...rounds].map(([name, own]) => {
      const cell = (of: (round: Round) => number, digits = 0) => median(own.map(of)).toFixed(digits);
      return [
        name,
        cell(({ alone }) => quantile(alone, 0.5)),
        ...[0.5, 0.99, 1].map((share) => cell(({ beside }) => quantile(beside, share))),
        cell(({ firstToken }) => firstToken / 1000, 1),
      ];
    }),
  ]);
}

/** One round: streams, and a prompt that arrives while they run. */
async function ask(side: Side, numStreams: number, numTokens: number): Promise<Round> {
  const promptOf = (seed: number, length: number) =>
    Array.from({ length }, (_, i) => text[(5 * seed + i) % text.length]!);
  const streams = await side.generate({
    prompts: Array.from({ length: numStreams }, (_, s) => promptOf(s, NUM_STREAM_PROMPT)),
    numTokens: NUM_STREAM_TOKENS,
    late: { prompt: promptOf(numStreams, Math.min(numTokens, CONTEXT - 2)), afterMs: ARRIVAL_MS },
  });
  const endMs = streams.pop()!.timesMs[0]!;
  return {
    alone: streams.flatMap((stream) => gapsOf(stream, SETTLED_MS, ARRIVAL_MS)),
    beside: streams.flatMap((stream) => gapsOf(stream, ARRIVAL_MS, endMs)),
    firstToken: endMs - ARRIVAL_MS,
  };
}

/** Times between what arrived one after another, where the later arrived in a span; tokens that come together count once. */
function gapsOf({ timesMs }: Stream, fromMs: number, toMs: number): number[] {
  const times = [...new Set(timesMs)];
  return times.flatMap((ms, i) => i > 0 && ms > fromMs && ms <= toMs ? [ms - times[i - 1]!] : []);
}

function quantile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}
