/**
 * Aerie's side without HTTP, run by Deno: `aerie_side.ts <gguf> <threads> <streams> <tokens per stream>`. The engine
 * as the server starts it, its actors in Workers.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { startEngine } from "../../runtime/engine/engine.ts";
import { defaultSamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { aerieOptions } from "./aerie.ts";
import type { Question, Stream } from "./side.ts";

const [modelFile, threads] = process.argv.slice(2);
// Without the radix cache every round computes its prompts, as the peers do.
const flags = ["--model-path", modelFile!, "--threads", threads!, "--disable-radix-cache"];
const engine = await startEngine(await aerieOptions(flags));
let numRequests = 0;

async function stream(prompt: readonly number[], numTokens: number, begun: number): Promise<Stream> {
  const sampling = { ...defaultSamplingParams, temperature: 0, maxTokens: numTokens, ignoreEos: true };
  const promptTokens = Int32Array.from(prompt);
  const tokens: number[] = [], timesMs: number[] = [];
  for await (const update of engine.generate({ requestId: `${numRequests++}`, promptTokens, sampling })) {
    const now = performance.now() - begun;
    for (const token of update.tokens) {
      tokens.push(token);
      timesMs.push(now);
    }
  }
  return { tokens, timesMs };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { prompts, numTokens }: Question = JSON.parse(line);
  const begun = performance.now();
  const streams = await Promise.all(prompts.map((prompt) => stream(prompt, numTokens, begun)));
  process.stdout.write(`${JSON.stringify(streams)}\n`);
}
await engine.stop();
