/**
 * The peer's side, run by node: `node_llama_cpp_side.mjs <module> <gguf> <threads>`. Its settings are the fastest
 * found: prebuilt binaries with weight repacking, flash attention, one batch for the whole prompt.
 *
 * @module
 */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [modulePath, modelPath, threadsText] = process.argv.slice(2);
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
  contextSize: 2048,
  batchSize: 2048,
  flashAttention: true,
});
const sequence = context.getSequence();

/** Greedy tokens after the prompt, end tokens included; times are in milliseconds. */
async function generate({ prompt, numTokens }) {
  await sequence.clearHistory();
  const tokens = [];
  const begun = performance.now();
  let first = begun;
  for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
    if (tokens.push(token) === 1) first = performance.now();
    if (tokens.length === numTokens) break;
  }
  const prefillMs = first - begun;
  return { numPromptTokens: prompt.length, prefillMs, decodeMs: performance.now() - first, tokens };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await generate(JSON.parse(line)))}\n`);
}
process.exit(0);
