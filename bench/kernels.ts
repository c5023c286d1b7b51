/**
 * `deno task bench:kernels`: what a forward of the target model costs, from one row to 64, beside what the machine can
 * do; and how much of a decode step is not native. Settings alternate within a round, so that a change of the machine's
 * speed meets all of them; every figure is a median.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { aerieOptions, modelFlags } from "./support/aerie.ts";
import { measureSteps } from "./support/decode_step.ts";
import { type Machine, measureMachine } from "./support/machine.ts";
import { PROMPT } from "./support/prompt.ts";
import { median, percent, print, printTable } from "./support/report.ts";
import { Target } from "./support/target.ts";

const NUM_ROWS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
const CONTEXTS = [128, 512, 2048];
const PREFILL_ROWS = 512;
/** Forwards per setting and round, after one that is not counted. */
const NUM_FORWARDS = 3;
/** Streams whose steps are timed, at least. */
const MIN_STREAMS = 11;
/** Length of prompt and answer of the stream whose decode steps are timed. */
const STREAM_TOKENS = 128;

const { values } = parseArgs({
  options: {
    "model-path": { type: "string" },
    threads: { type: "string", default: String(navigator.hardwareConcurrency) },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
  },
});
const numRounds = Number(values.rounds ?? (values.quick ? 2 : 11));
const numStreams = Math.max(numRounds, MIN_STREAMS);
const threadCounts = [...new Set([1, Number(values.threads)])];
const threadTexts = threadCounts.map((threads) => `${threads} thread${threads === 1 ? "" : "s"}`);

const options = await aerieOptions([
  "--chunked-prefill-size",
  String(PREFILL_ROWS),
  "--disable-radix-cache",
  "--speculative-algorithm",
  "NONE",
  ...modelFlags(values["model-path"]),
]);
const optionsByThreads = threadCounts.map((threads) => ({ ...options, args: { ...options.args, threads } }));

/** The same forward on each number of threads. */
interface Forward {
  readonly numRows: number;
  readonly context: number;
  readonly numOutputs: number;
  /** Milliseconds, by number of threads. */
  readonly times: readonly number[][];
}

function forwardOf(numRows: number, context: number, numOutputs: number): Forward {
  return { numRows, context, numOutputs, times: threadCounts.map(() => []) };
}

const prefill = forwardOf(PREFILL_ROWS, 0, 1);
const curves = CONTEXTS.map((context) => NUM_ROWS.map((numRows) => forwardOf(numRows, context, numRows)));
const { weightBytes, backend } = measureForwards([prefill, ...curves.flat()]);
const machine = measureMachine(weightBytes, threadCounts.at(-1)!);

const { config, tensors } = options.checkpoint;
/** Weights that each output row is multiplied with; an embedding that is not also the head is only looked up. */
const numWeights = [...tensors.values()]
  .filter(({ shape, name }) => shape.length === 2 && (config.tieWordEmbeddings || !/embed_tokens/.test(name)))
  .reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);
const megabytes = `${(weightBytes / 1e6).toFixed(1)} MB`;

print(`${options.checkpoint.files[0]!.split("/").at(-1)} on ${backend}; medians of ${numRounds} rounds`);
print(`Weights: ${megabytes}, ${(numWeights / 1e6).toFixed(1)} M multiply-adds a row\n`);
printMachine();
for (const [index, context] of CONTEXTS.entries()) {
  print(
    `\nForward after ${context} tokens, every row an output; shares of the limits of reading and of int8`,
  );
  printCurve(curves[index]!);
}
print();
printTable([
  [`Prefill of ${PREFILL_ROWS} tokens`, ...threadTexts],
  ["token/s", ...prefill.times.map((times) => (PREFILL_ROWS / median(times) * 1000).toFixed(0))],
]);
print(
  `\nDecode step of one stream: engine without HTTP, actors in Workers; medians of ${numStreams} streams`,
);
await printSteps();

function measureForwards(forwards: readonly Forward[]): { weightBytes: number; backend: string } {
  using stack = new DisposableStack();
  const targets = optionsByThreads.map((options) => stack.use(new Target(options)));
  for (const target of targets) {
    // Fills the KV that forwards after a context read.
    for (let context = 0; context < Math.max(...CONTEXTS); context += PREFILL_ROWS) {
      target.forwardMs(PREFILL_ROWS, context, 1);
    }
  }
  for (let round = 0; round < numRounds; round++) {
    for (const { numRows, context, numOutputs, times } of forwards) {
      for (const [index, target] of targets.entries()) {
        target.forwardMs(numRows, context, numOutputs);
        for (let i = 0; i < NUM_FORWARDS; i++) {
          times[index]!.push(target.forwardMs(numRows, context, numOutputs));
        }
      }
    }
  }
  return targets.at(-1)!.info;
}

function printMachine(): void {
  const cells = (limit: keyof Machine) => threadCounts.map((_, index) => machine[limit][index]!.toFixed(1));
  printTable([
    ["Limits of the machine", ...threadTexts],
    [`read ${megabytes} again and again, GB/s`, ...cells("readWeights")],
    ["read 1 GiB again and again, GB/s", ...cells("readGib")],
    ["int8 dot products, Gop/s", ...cells("int8")],
    ["float32 multiply-adds, Gflop/s", ...cells("float32")],
  ]);
}

function printCurve(curve: readonly Forward[]): void {
  const bases = curve[0]!.times.map(median);
  printTable([
    ["rows", ...threadTexts.flatMap((text) => [text, "T(n)/T(1)", "read", "int8"]), "scaling"],
    ...curve.map(({ numRows, times }) => {
      const ms = times.map(median);
      return [
        String(numRows),
        ...ms.flatMap((time, index) => [
          `${time.toFixed(2)} ms`,
          (time / bases[index]!).toFixed(2),
          percent(weightBytes / time / 1e6 / machine.readWeights[index]!),
          percent(2 * numWeights * numRows / time / 1e6 / machine.int8[index]!),
        ]),
        `${(ms[0]! / ms.at(-1)!).toFixed(2)}x`,
      ];
    }),
  ]);
}

async function printSteps(): Promise<void> {
  const promptTokens = (await options.tokenizer.encode(PROMPT)).slice(0, STREAM_TOKENS);
  const rows: string[][] = [];
  const streams = { promptTokens, numTokens: STREAM_TOKENS, numRounds: numStreams };
  for (const [index, options] of optionsByThreads.entries()) {
    const steps = await measureSteps(options, streams);
    rows.push([
      threadTexts[index]!,
      `${median(steps.map(({ stepMs }) => stepMs)).toFixed(3)} ms`,
      `${median(steps.map(({ forwardMs }) => forwardMs)).toFixed(3)} ms`,
      `${(100 * median(steps.map(({ stepMs, forwardMs }) => 1 - forwardMs / stepMs))).toFixed(1)}%`,
    ]);
  }
  printTable([["", "step", "native forward", "JavaScript and messages"], ...rows]);
}
