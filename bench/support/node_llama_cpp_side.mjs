/**
 * node-llama-cpp's side, run by node: `node_llama_cpp_side.mjs <module> <batch> <gguf> <threads> <streams> <tokens
 * per stream>`.
 * Its settings are the fastest found: prebuilt binaries with weight repacking, flash attention, a batch size that holds
 * the whole prompt unless told otherwise, a sequence per stream.
 *
 * @module
 */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modulePath, batchSize, modelPath, threadsText, streamsText, streamTokens] = process.argv.slice(2);
const { getLlama } = await import(pathToFileURL(modulePath).href);
const threads = Number(threadsText);
const llama = await getLlama({
  gpu: false,
  build: "never",
  maxThreads: threads,
  progressLogs: false,
  logLevel: "error",
});
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({
  threads: { ideal: threads, min: threads },
  sequences: Number(streamsText),
  contextSize: Math.ceil(Number(streamTokens) / 256) * 256,
  batchSize: Number(batchSize),
  flashAttention: true,
});
const sequences = Array.from({ length: Number(streamsText) }, () => context.getSequence());

/** Greedy tokens after the prompt, end tokens included, and when each was there. Ends early when `isOver` says so. */
async function stream(sequence, prompt, numTokens, begun, isOver = () => false) {
  const tokens = [], timesMs = [];
  for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    tokens.push(token);
    timesMs.push(performance.now() - begun);
    if (tokens.length === numTokens || isOver()) break;
  }
  return { tokens, timesMs };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { prompts, numTokens, late } = JSON.parse(line);
  for (const sequence of sequences) await sequence.clearHistory();
  const begun = performance.now();
  let over = false;
  const isOver = () => over;
  const streams = prompts.map((prompt, index) => stream(sequences[index], prompt, numTokens, begun, isOver));
  if (late !== undefined) {
    await new Promise((resolve) => setTimeout(resolve, late.afterMs));
    streams.push(stream(sequences[prompts.length], late.prompt, 1, begun));
    await streams.at(-1);
    over = true;
  }
  process.stdout.write(`${JSON.stringify(await Promise.all(streams))}\n`);
}
process.exit(0);
