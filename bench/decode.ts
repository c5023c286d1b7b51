/**
 * `deno task bench:decode`: Aerie, through its server and as an engine, beside other engines on the same GGUF, with the
 * same prompts and the same number of threads. Each side is a process of its own that has its model loaded; rounds
 * alternate between the sides, so that a change of the machine's speed meets all of them.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { aerieOptions, modelFlags } from "./support/aerie.ts";
import { PROMPT } from "./support/prompt.ts";
import { median, print, printTable } from "./support/report.ts";
import type { Question, Side, Stream } from "./support/side.ts";
import { sides } from "./support/sides.ts";

const { values } = parseArgs({
  options: {
    "model-path": { type: "string" },
    threads: { type: "string", default: String(navigator.hardwareConcurrency) },
    rounds: { type: "string" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
  },
});
const numRounds = Number(values.rounds ?? (values.quick ? 2 : 7));
const allThreads = Number(values.threads);
const words = values.only.split(",");
const chosen = Object.entries(sides).filter(([name]) => words.some((word) => name.includes(word)));

/** Each side answers for so long before it counts: code is compiled, costs are learnt, as in a server that runs. */
const WARM_UP_MS = 4000;
/** The sides that are compared with the others. */
const AERIE = ["aerie http", "aerie engine"];

/** A number that describes how a side answered. */
interface Figure {
  readonly name: string;
  of(streams: readonly Stream[]): number;
}

const first = ({ timesMs }: Stream) => timesMs[0]!;
const last = ({ timesMs }: Stream) => timesMs.at(-1)!;

/** Tokens of all streams per second, while none is in its prompt and none has ended. */
const decodeSpeed: Figure = {
  name: "decode token/s",
  of(streams) {
    const from = Math.max(...streams.map(first)), to = Math.min(...streams.map(last));
    const numTokens = streams.flatMap(({ timesMs }) => timesMs).filter((ms) => ms > from && ms <= to).length;
    return numTokens / (to - from) * 1000;
  },
};
/** Tokens of all streams per second, from the prompts' arrival to the end of the last stream. */
const wholeSpeed: Figure = {
  name: "token/s with prompts",
  of: (streams) =>
    streams.reduce((sum, { timesMs }) => sum + timesMs.length, 0) / Math.max(...streams.map(last)) * 1000,
};
const firstToken: Figure = { name: "first token, ms", of: (streams) => Math.max(...streams.map(first)) };

interface Scenario {
  readonly threads: number;
  readonly streams: number;
  readonly promptTokens: number;
  readonly numTokens: number;
  readonly figures: readonly Figure[];
}

const one = { streams: 1, promptTokens: 128, numTokens: 128, figures: [decodeSpeed] };
const many = { threads: allThreads, promptTokens: 64, numTokens: 64, figures: [decodeSpeed, wholeSpeed] };
const scenarios: readonly Scenario[] = [
  ...[...new Set([1, allThreads])].map((threads) => ({ threads, ...one })),
  { streams: 8, ...many },
  { streams: 32, ...many },
  { threads: allThreads, streams: 1, promptTokens: 500, numTokens: 2, figures: [firstToken] },
];

const options = await aerieOptions(modelFlags(values["model-path"]));
const modelFile = options.checkpoint.files[0]!, text = await options.tokenizer.encode(PROMPT);
print(
  `${
    modelFile.split("/").at(-1)
  }; each figure is the median (least to most) of ${numRounds} alternating rounds;`,
);
print(`"http" and "engine" say how many times Aerie's figure is of the peer's`);
for (const scenario of scenarios) await measure(scenario);

async function measure({ threads, streams, promptTokens, numTokens, figures }: Scenario): Promise<void> {
  print(
    `\nStreams: ${streams}, threads: ${threads}, prompt tokens: ${promptTokens}, greedy tokens: ${numTokens}`,
  );
  const setup = { modelFile, threads, streams, streamTokens: promptTokens + numTokens };
  // The text from a place of its own on, for each stream.
  const prompts = Array.from(
    { length: streams },
    (_, s) => Array.from({ length: promptTokens }, (_, i) => text[(5 * s + i) % text.length]!),
  );
  await using stack = new AsyncDisposableStack();
  const started = new Map<string, Side>();
  for (const [name, start] of chosen) started.set(name, stack.use(await start(setup)));
  const rounds = await alternate(started, { prompts, numTokens });

  const aerie = AERIE.map((name) => rounds.get(name));
  printTable([
    ["", ...figures.flatMap(({ name }) => [name, "http", "engine"]), "same tokens"],
    ...[...rounds].map(([name, own]) => [
      name,
      ...figures.flatMap((figure) => [
        rangeText(own.map(figure.of)),
        ...aerie.map((side) => AERIE.includes(name) ? "" : ratioText(figure, side, own)),
      ]),
      sameTokens(own[0]![0]!, rounds.get("aerie engine")?.[0]?.[0]),
    ]),
  ]);
}

/** The streams of each side in each round, once all are warm. */
async function alternate(
  started: ReadonlyMap<string, Side>,
  question: Question,
): Promise<Map<string, Stream[][]>> {
  const rounds = new Map<string, Stream[][]>(started.keys().map((name) => [name, []]));
  for (const side of started.values()) {
    const begun = performance.now();
    while (performance.now() - begun < WARM_UP_MS) await side.generate(question);
  }
  for (let round = 0; round < numRounds; round++) {
    for (const [name, side] of started) rounds.get(name)!.push(await side.generate(question));
  }
  return rounds;
}

function rangeText(figures: readonly number[]): string {
  const [least, most] = [Math.min(...figures), Math.max(...figures)];
  return `${median(figures).toFixed(1)} (${least.toFixed(1)} to ${most.toFixed(1)})`;
}

/** Median over rounds of Aerie's figure over the peer's. */
function ratioText({ of }: Figure, aerie: Stream[][] | undefined, peer: Stream[][]): string {
  if (aerie === undefined) return "";
  return `${median(aerie.map((streams, round) => of(streams) / of(peer[round]!))).toFixed(2)}x`;
}

/** How many tokens of a stream are Aerie's before one differs. */
function sameTokens({ tokens }: Stream, aerie: Stream | undefined): string {
  const expected = aerie?.tokens;
  if (tokens === undefined || expected === undefined) return "";
  const numSame = tokens.findIndex((token, i) => token !== expected[i]);
  return `${numSame < 0 ? tokens.length : numSame} of ${tokens.length}`;
}
