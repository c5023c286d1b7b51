/**
 * `deno task bench:masked-draws`: what masks cost a draw, natively: rows of several vocabularies, greedy and sampled, without
 * masks, and with masks of which all, most or few tokens may be drawn. Settings alternate within a round; every figure
 * is a median, and behind it what it is of that without masks.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ensureLibrary } from "../ffi/build.ts";
import { Context } from "../ffi/context.ts";
import { GREEDY_ROW, SamplerArrays, type SamplingRow } from "../ffi/sampler.ts";
import { seededRandom } from "../tests/support/block_formats.ts";
import { median, percent, print, printTable } from "./support/report.ts";

/** SmolLM2's, Llama 3's. */
const VOCABULARIES = [49_152, 128_256];
const NUM_ROWS = [1, 32, 256];
/** Share of the tokens that masks let come; undefined: no masks. */
const SHARES = [undefined, 1, 0.9, 0.001];
const DRAWS: readonly [name: string, row: SamplingRow][] = [
  ["greedy", GREEDY_ROW],
  ["temperature", { ...GREEDY_ROW, temperature: 0.8 }],
  ["top_p", { ...GREEDY_ROW, temperature: 0.8, topP: 0.95 }],
  ["top_k, logprobs", { ...GREEDY_ROW, temperature: 0.8, topK: 40, numTop: 5 }],
];

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: String(navigator.hardwareConcurrency) },
    rounds: { type: "string", default: "11" },
  },
});
const random = seededRandom(1);
using context = new Context(await ensureLibrary(), { device: "cpu", threads: Number(values.threads) });
print(
  `${context.describe()}; medians of ${values.rounds} rounds, microseconds of a draw with the write before it`,
);
for (const vocabSize of VOCABULARIES) {
  for (const numRows of NUM_ROWS) measure(vocabSize, numRows);
}

/** Logits in the shape of a model's: many near 0, a few far above. */
function logitsOf(vocabSize: number, numRows: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: vocabSize * numRows }, () => 2 * Math.log(random() / random()));
}

/** One mask a row, of tokens by chance. */
function masksOf(vocabSize: number, numRows: number, share: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(numRows * Math.ceil(vocabSize / 32));
  for (let word = 0; word < words.length; word++) {
    for (let bit = 0; bit < 32; bit++) if (random() < share) words[word]! |= 1 << bit;
  }
  return words;
}

function measure(vocabSize: number, numRows: number): void {
  const sampler = new SamplerArrays(context, numRows, vocabSize, 5), logits = logitsOf(vocabSize, numRows);
  const tensor = context.createTensor(numRows, vocabSize),
    graph = context.record(() => sampler.forward(tensor));
  const masks = SHARES.map((share) => share === undefined ? undefined : masksOf(vocabSize, numRows, share));
  const table = [[
    `${numRows} x ${vocabSize}`,
    "no mask",
    ...SHARES.slice(1).map((share) => `${100 * share!}% free`),
  ]];
  for (const [name, row] of DRAWS) {
    const times: number[][] = SHARES.map(() => []);
    for (let round = 0; round <= Number(values.rounds); round++) {
      masks.forEach((words, i) => {
        // What was masked before is not any more.
        context.writeTensor(tensor, logits, 0, numRows);
        sampler.clear();
        for (let r = 0; r < numRows; r++) {
          sampler.add({ ...row, seedLow: r, position: round, mask: words ? r : -1 });
        }
        const begun = performance.now();
        if (words) sampler.mask(words);
        sampler.write();
        context.run(graph);
        // The first round warms up.
        if (round > 0) times[i]!.push(1000 * (performance.now() - begun));
      });
    }
    const [base, ...masked] = times.map(median);
    table.push([
      name,
      base!.toFixed(0),
      ...masked.map((time) => `${time.toFixed(0)} (${percent(time / base!)})`),
    ]);
  }
  print();
  printTable(table);
  sampler.release();
  context.releaseTensor(tensor);
}
