/**
 * node-llama-cpp's side, run by node: `node_llama_cpp_side.mjs <module> <gguf> <threads> <streams> <tokens per stream>`.
 * Its settings are the fastest found: prebuilt binaries with weight repacking, flash attention, one batch for the whole
 * prompt, a sequence per stream.
 *
 * @module
 */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modulePath, modelPath, threadsText, streamsText, streamTokens] = process.argv.slice(2);
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
  batchSize: 2048,
  flashAttention: true,
});
const sequences = Array.from({ length: Number(streamsText) }, () => context.getSequence());

/** Greedy tokens after the prompt, end tokens included, and when each was there. */
async function stream(sequence, prompt, numTokens, begun) {
  const tokens = [], timesMs = [];
  for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    tokens.push(token);
    timesMs.push(performance.now() - begun);
    if (tokens.length === numTokens) break;
  }
  return { tokens, timesMs };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { prompts, numTokens } = JSON.parse(line);
  for (const sequence of sequences) await sequence.clearHistory();
  const begun = performance.now();
  const streams = prompts.map((prompt, index) => stream(sequences[index], prompt, numTokens, begun));
  process.stdout.write(`${JSON.stringify(await Promise.all(streams))}\n`);
}
process.exit(0);
