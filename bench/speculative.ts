/**
 * Speculative decoding beside plain decoding: the same prompts by turns on two engines in one process, which must say the
 * same. Two engines with the same settings differ by some percent for as long as they live, by where their memory lies,
 * so there are several pairs. The ratios of times, those of whole runs and those after the first tokens ("decoding"), are
 * medians over batches, since the machine's speed changes while they run. Where several requests go together, prompts are
 * in several batches, so that NGRAM has seen their answers.
 *
 * Flags that are not its own go to the speculating engines, e.g. `--speculative-algorithm NGRAM`, or `NONE` to see how far
 * two plain engines are apart.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { type Engine, startEngine } from "../runtime/engine/engine.ts";
import type { EngineOptions } from "../runtime/engine/options.ts";
import { costAt } from "../runtime/speculation_policy/draft_budget.ts";
import type { CostCurve } from "../runtime/contracts/speculation_config.ts";
import { defaultSamplingParams } from "../runtime/contracts/sampling_params.ts";
import { aerieOptions } from "./support/aerie.ts";
import { promptsOf, setNames } from "./support/prompt_sets.ts";
import { median, percent, print, printTable } from "./support/report.ts";

const { values, tokens } = parseArgs({
  strict: false,
  tokens: true,
  options: {
    quick: { type: "boolean" },
    sets: { type: "string" },
    prompts: { type: "string" },
    tokens: { type: "string" },
    concurrency: { type: "string" },
    temperatures: { type: "string" },
    pairs: { type: "string" },
  },
});
const own = new Set(["quick", "sets", "prompts", "tokens", "concurrency", "temperatures", "pairs"]);
const firstOther = tokens.find((token) => token.kind === "option" && !own.has(token.name))?.index;
const flags = firstOther === undefined ? [] : Deno.args.slice(firstOther);
const list = (given: unknown, otherwise: string) => String(given ?? otherwise).split(",");
const numPrompts = Number(values["prompts"] ?? (values["quick"] ? 4 : 20));
const givenTokens = values["tokens"] ?? (values["quick"] ? 64 : undefined);
const numPairs = Number(values["pairs"] ?? (values["quick"] ? 1 : 3));

/** What a run of prompts took. */
interface Run {
  readonly ms: number;
  /** From each request's first token to its last, summed. */
  readonly decodeMs: number;
  readonly outputs: readonly (readonly number[])[];
}

/** The same run on both engines of a pair. */
interface Comparison {
  readonly pair: Pair;
  readonly plain: Run;
  readonly speculating: Run;
}

/** Prompts from the first of a batch to that of the next, at most: few large batches would say little. */
const BATCH_SHIFT = 2;

let numRequests = 0;

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Tokens of an answer at most: what repeats a text may be as long as its prompt. */
function limitOf(set: string, prompt: Int32Array): number {
  return Number(givenTokens ?? (set === "repeat" ? prompt.length : 128));
}

async function run(
  engine: Engine,
  prompts: readonly Int32Array[],
  { set, temperature }: { readonly set: string; readonly temperature: number },
): Promise<Run> {
  await engine.flushCache(); // or it would know the prompts from other batches
  const begun = performance.now();
  let decodeMs = 0;
  const outputs = await Promise.all(prompts.map(async (promptTokens, seed) => {
    const sampling = { ...defaultSamplingParams, temperature, seed, maxTokens: limitOf(set, promptTokens) };
    const output: number[] = [];
    const requestId = `${numRequests++}`;
    let firstAt: number | undefined;
    for await (const update of engine.generate({ requestId, promptTokens, sampling })) {
      output.push(...update.tokens);
      if (output.length > 0) firstAt ??= performance.now();
    }
    if (firstAt !== undefined) decodeMs += performance.now() - firstAt;
    return output;
  }));
  return { ms: performance.now() - begun, decodeMs, outputs };
}

/** Full batches of prompts that go together. */
function batchesOf(prompts: readonly Int32Array[], concurrency: number): Int32Array[][] {
  const batches: Int32Array[][] = [];
  for (let first = 0; first < prompts.length; first += Math.min(concurrency, BATCH_SHIFT)) {
    batches.push(Array.from({ length: concurrency }, (_, i) => prompts[(first + i) % prompts.length]!));
  }
  return batches;
}

/** What is compared. */
interface Pair {
  readonly plain: Engine;
  readonly speculating: Engine;
}

/** A pair; the engine started first has the first choice of memory. */
async function startPair(engines: AsyncDisposableStack, plainFirst: boolean): Promise<Pair> {
  const startPlain = async () => engines.use(await startEngine({ ...options, speculation: undefined }));
  const first = plainFirst ? await startPlain() : undefined;
  const log: EngineOptions["log"] = (_, text) => /cost|Speculative/.test(text) && print(text);
  const speculating = engines.use(await startEngine({ ...options, log }));
  return { plain: first ?? await startPlain(), speculating };
}

/** Counters of the speculating engines since they started, summed. */
async function counters(pairs: readonly Pair[]) {
  const total = { forwardMs: 0, draftMs: 0, numVerifications: 0, numProposed: 0, numAccepted: 0 };
  for (const { speculating } of pairs) {
    const { forwardMs, draftMs, speculation } = await speculating.schedulerState();
    total.forwardMs += forwardMs;
    total.draftMs += draftMs;
    total.numVerifications += speculation?.numVerifications ?? 0;
    total.numProposed += speculation?.numProposed ?? 0;
    total.numAccepted += speculation?.numAccepted ?? 0;
  }
  return total;
}

/** What forwards cost by rows, as the speculating engines measured it at their start, on average. */
async function forwardCost(pairs: readonly Pair[]): Promise<CostCurve | undefined> {
  if (options.speculation === undefined) return undefined;
  const curves = await Promise.all(pairs.map(async ({ speculating }) => {
    const { record } = await speculating.serverInfo();
    const [state] = record["internal_states"] as { "forward_cost_ms": CostCurve }[];
    return state!["forward_cost_ms"];
  }));
  const { sizes } = curves[0]!;
  return { sizes, ms: sizes.map((_, i) => sum(curves.map(({ ms }) => ms[i]!)) / curves.length) };
}

const options = await aerieOptions(flags);
if (options.speculation === undefined && options.args.speculativeAlgorithm !== "NONE") {
  throw new TypeError("Cannot measure: give --speculative-algorithm");
}
await using engines = new AsyncDisposableStack();
const pairs: Pair[] = [];
for (let i = 0; i < numPairs; i++) pairs.push(await startPair(engines, i % 2 === 0));
const cost = await forwardCost(pairs);
const header = [
  "set",
  "temp",
  "requests",
  "accept len",
  "plain tok/s",
  "spec tok/s",
  "ratio",
  "of pairs",
  "decoding",
  "bound",
  "draft",
  "verify",
  "rest",
];
const rows: string[][] = [header];
for (const concurrency of list(values["concurrency"], values["quick"] ? "1" : "1,4,8").map(Number)) {
  for (const name of list(values["sets"], setNames.join())) {
    const prompts = await promptsOf(name, numPrompts, options.tokenizer);
    for (const temperature of list(values["temperatures"], "0,1").map(Number)) {
      // Not counted: all engines get used to the load.
      for (const engine of pairs.flatMap(({ plain, speculating }) => [plain, speculating])) {
        await run(engine, prompts.slice(0, 1), { set: name, temperature });
      }
      const before = await counters(pairs);
      const comparisons: Comparison[] = [];
      for (const [turn, batch] of batchesOf(prompts, concurrency).entries()) {
        for (const [i, pair] of pairs.entries()) {
          const { plain, speculating } = pair;
          const order = (turn + i) % 2 === 0 ? [plain, speculating] : [speculating, plain];
          const runs = new Map<Engine, Run>();
          for (const engine of order) runs.set(engine, await run(engine, batch, { set: name, temperature }));
          const comparison = { pair, plain: runs.get(plain)!, speculating: runs.get(speculating)! };
          const { outputs } = comparison.speculating;
          assert.deepEqual(outputs, comparison.plain.outputs, `${name}: speculation changed the text`);
          comparisons.push(comparison);
        }
      }
      const after = await counters(pairs);
      const numVerifications = after.numVerifications - before.numVerifications;
      const acceptLength = 1 + (after.numAccepted - before.numAccepted) / (numVerifications || 1);
      // What a lone request could gain if nothing but forwards and drafting took time, as long as each takes now.
      const numRows = 1 + (after.numProposed - before.numProposed) / (numVerifications || 1);
      const drafting = 1 + (after.draftMs - before.draftMs) / (after.forwardMs - before.forwardMs);
      const bound = cost && acceptLength * costAt(cost, 1) / (costAt(cost, numRows) * drafting);
      const plainMs = sum(comparisons.map(({ plain }) => plain.ms));
      const speculatingMs = sum(comparisons.map(({ speculating }) => speculating.ms));
      const numTokens = sum(comparisons.flatMap(({ plain }) => plain.outputs.map(({ length }) => length)));
      const draft = (after.draftMs - before.draftMs) / speculatingMs;
      const verify = (after.forwardMs - before.forwardMs) / speculatingMs;
      const medianOf = (ofRun: (run: Run) => number, of = comparisons) =>
        median(of.map(({ plain, speculating }) => ofRun(plain) / ofRun(speculating)));
      const ofPairs = pairs.map((pair) =>
        medianOf(({ ms }) => ms, comparisons.filter((one) => one.pair === pair))
      );
      rows.push([
        name,
        String(temperature),
        String(concurrency),
        acceptLength.toFixed(2),
        (numTokens / plainMs * 1000).toFixed(0),
        (numTokens / speculatingMs * 1000).toFixed(0),
        medianOf(({ ms }) => ms).toFixed(2),
        `${Math.min(...ofPairs).toFixed(2)} to ${Math.max(...ofPairs).toFixed(2)}`,
        medianOf(({ decodeMs }) => decodeMs).toFixed(2),
        concurrency === 1 && bound ? bound.toFixed(2) : "",
        percent(draft),
        percent(verify),
        percent(1 - draft - verify),
      ]);
      printTable([header, rows.at(-1)!]);
    }
  }
}
print();
printTable(rows);
