/**
 * Structured output: answers in JSON by 20 schemas (`bench/prompts/json_schemas.jsonl`).
 *
 * First a request at a time, by turns on engines of pairs: one speculates, so that drafts and forced tokens (jump-forward)
 * are verified, the other one decodes plainly under the same grammar; both must say the same. Ratios are those of times,
 * medians over rounds, and of the time after the first tokens ("decoding"). Two engines with the same settings differ by
 * some percent for as long as they live, so there are several pairs. Then 32 requests together on an engine that speculates
 * as a server does, constrained and free, which generate the same number of tokens.
 *
 * Flags that are not its own go to the speculating engines, e.g. `--speculative-algorithm NGRAM`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { type Engine, startEngine } from "../runtime/engine/engine.ts";
import { defaultSamplingParams } from "../runtime/contracts/sampling_params.ts";
import type { SamplingParams } from "../runtime/contracts/sampling_params.ts";
import { aerieOptions } from "./support/aerie.ts";
import { type JsonRequest, jsonRequests } from "./support/json_schemas.ts";
import { median, print, printTable } from "./support/report.ts";

const { values, tokens } = parseArgs({
  strict: false,
  tokens: true,
  options: {
    quick: { type: "boolean" },
    rounds: { type: "string" },
    pairs: { type: "string" },
    tokens: { type: "string" },
    only: { type: "string" },
  },
});
const own = new Set(["quick", "rounds", "pairs", "tokens", "only"]);
const firstOther = tokens.find((token) => token.kind === "option" && !own.has(token.name))?.index;
const flags = firstOther === undefined ? [] : Deno.args.slice(firstOther);
const numRounds = Number(values["rounds"] ?? (values["quick"] ? 2 : 5));
const numPairs = Number(values["pairs"] ?? (values["quick"] ? 1 : 2));
const maxTokens = Number(values["tokens"] ?? 192);

/** Requests of the throughput's batch. */
const BATCH = 32;

/** What a request was answered. */
interface Answer {
  readonly tokens: readonly number[];
  readonly ms: number;
  /** From the first token to the last. */
  readonly decodeMs: number;
  readonly numVerifications: number;
  readonly numAccepted: number;
}

/** How both engines of a pair answered. */
interface Comparison {
  readonly plain: Answer;
  readonly speculating: Answer;
}

let numRequests = 0;

async function ask(
  engine: Engine,
  { promptTokens, constraint }: Pick<JsonRequest, "promptTokens"> & Partial<JsonRequest>,
  sampling: Partial<SamplingParams>,
): Promise<Answer> {
  const request = {
    requestId: `${numRequests++}`,
    promptTokens,
    sampling: { ...defaultSamplingParams, temperature: 0, maxTokens, ...sampling },
    ...(constraint && { constraint }),
  };
  const begun = performance.now(), output: number[] = [];
  let firstAt = begun, numVerifications = 0, numAccepted = 0;
  for await (const update of engine.generate(request)) {
    if (output.length === 0) firstAt = performance.now();
    output.push(...update.tokens);
    ({ numVerifications = 0, numAccepted = 0 } = update.usage.speculation ?? {});
  }
  const now = performance.now();
  return { tokens: output, ms: now - begun, decodeMs: now - firstAt, numVerifications, numAccepted };
}

/** One request by turns on both engines of every pair. */
async function compare(pairs: readonly (readonly [plain: Engine, speculating: Engine])[], one: JsonRequest) {
  const comparisons: Comparison[] = [];
  for (let round = -1; round < numRounds; round++) {
    for (const [i, [plain, speculating]] of pairs.entries()) {
      const answers = new Map<Engine, Answer>();
      for (const engine of (round + i) % 2 === 0 ? [plain, speculating] : [speculating, plain]) {
        await engine.flushCache();
        answers.set(engine, await ask(engine, one, {}));
      }
      const comparison = { plain: answers.get(plain)!, speculating: answers.get(speculating)! };
      assert.deepEqual(
        comparison.speculating.tokens,
        comparison.plain.tokens,
        "speculation changed the text",
      );
      // The first round compiles the grammar and is not counted.
      if (round >= 0) comparisons.push(comparison);
    }
  }
  const ratioOf = (time: (answer: Answer) => number) =>
    median(comparisons.map(({ plain, speculating }) => time(plain) / time(speculating)));
  const sumOf = (count: (comparison: Comparison) => number) =>
    comparisons.reduce((sum, comparison) => sum + count(comparison), 0);
  return {
    ratio: ratioOf(({ ms }) => ms),
    decoding: ratioOf(({ decodeMs }) => decodeMs),
    numTokens: comparisons[0]!.plain.tokens.length,
    acceptLength: 1 + sumOf(({ speculating }) => speculating.numAccepted) /
        Math.max(1, sumOf(({ speculating }) => speculating.numVerifications)),
    plainSpeed: 1000 * sumOf(({ plain }) => plain.tokens.length) / sumOf(({ plain }) => plain.ms),
  };
}

/** Tokens per second of 32 requests together, constrained and free, by rounds. */
async function throughput(engine: Engine, requests: readonly JsonRequest[]) {
  const batch = Array.from({ length: BATCH }, (_, i) => requests[i % requests.length]!);
  const run = async (asks: (one: JsonRequest, i: number) => Promise<Answer>) => {
    await engine.flushCache();
    const begun = performance.now(), answers = await Promise.all(batch.map(asks));
    const numTokens = answers.reduce((sum, { tokens }) => sum + tokens.length, 0);
    return { answers, speed: 1000 * numTokens / (performance.now() - begun) };
  };
  const speeds: { readonly constrained: number; readonly free: number }[] = [];
  for (let round = -1; round < numRounds; round++) {
    const constrained = await run((one) => ask(engine, one, {}));
    const free = await run(({ promptTokens }, i) =>
      ask(engine, { promptTokens }, {
        ignoreEos: true,
        maxTokens: constrained.answers[i]!.tokens.length,
      })
    );
    if (round >= 0) speeds.push({ constrained: constrained.speed, free: free.speed });
  }
  return speeds;
}

const options = await aerieOptions(flags);
if (options.speculation === undefined) throw new TypeError("Cannot measure: give --speculative-algorithm");
const all = await jsonRequests(options.tokenizer);
const words = String(values["only"] ?? "").split(",");
const chosen = all.filter(({ name }) => words.some((word) => name.includes(word)));
await using engines = new AsyncDisposableStack();
const startPlain = async () => engines.use(await startEngine({ ...options, speculation: undefined }));
const startSpeculating = async () => engines.use(await startEngine(options));
const pairs: [plain: Engine, speculating: Engine][] = [];
for (let i = 0; i < numPairs; i++) {
  // The engine that is started first has the first choice of memory.
  const first = i % 2 === 0 ? await startPlain() : undefined, speculating = await startSpeculating();
  pairs.push([first ?? await startPlain(), speculating]);
}

const header = ["schema", "tokens", "accept len", "plain tok/s", "ratio", "decoding"];
const rows: string[][] = [], ratios: number[] = [];
for (const one of chosen) {
  const { ratio, decoding, numTokens, acceptLength, plainSpeed } = await compare(pairs, one);
  ratios.push(ratio);
  rows.push([
    one.name + (one.hasFreeStringsOnly ? " (free strings)" : ""),
    String(numTokens),
    acceptLength.toFixed(2),
    plainSpeed.toFixed(0),
    ratio.toFixed(2),
    decoding.toFixed(2),
  ]);
  printTable([header, rows.at(-1)!]);
}
print();
printTable([header, ...rows]);
print(`ratio: median ${median(ratios).toFixed(2)}, least ${Math.min(...ratios).toFixed(2)}`);

const speeds = await throughput(pairs[0]![1], chosen);
const medianOf = (speed: (round: typeof speeds[number]) => number) => median(speeds.map(speed)).toFixed(0);
print();
print(
  `${BATCH} requests: ${medianOf(({ constrained }) => constrained)} tok/s constrained, ${
    medianOf(({ free }) => free)
  } tok/s free, ratio ${median(speeds.map(({ constrained, free }) => constrained / free)).toFixed(2)}`,
);
