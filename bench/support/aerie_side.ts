/**
 * Aerie's side, run by Deno: `aerie_side.ts <threads> [--model-path <model>]`. The engine without HTTP, its actors in
 * Workers as in production.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "../../cli/args.ts";
import { ensureLibrary } from "../../ffi/build.ts";
import { startEngine } from "../../runtime/engine.ts";
import { defaultSamplingParams } from "../../runtime/sampling/params.ts";
import { loadTokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../runtime/weights/resolve.ts";
import type { Encoded, Question, Round } from "./side.ts";

const [threads, ...modelFlags] = process.argv.slice(2);
// Without the radix cache every round computes its whole prompt, as the peer does after clearing its history.
const flags = ["--threads", threads!, "--context-length", "2048", "--disable-radix-cache", ...modelFlags];
const parsed = parseArgs(flags);
if (parsed.type !== "serve") throw new TypeError(`Cannot measure with ${flags.join(" ")}`);
const { checkpoint, tokenizerSource } = await openCheckpoint(await resolveModel(parsed.args.modelPath));
const engine = await startEngine({
  args: parsed.args,
  checkpoint,
  tokenizer: loadTokenizer(tokenizerSource),
  libraryPath: await ensureLibrary(),
  device: "cpu",
  placement: "worker",
  log: () => {},
});

let numRounds = 0;

async function generate(prompt: readonly number[], numTokens: number): Promise<Round> {
  const sampling = { ...defaultSamplingParams, temperature: 0, maxTokens: numTokens, ignoreEos: true };
  const promptTokens = Int32Array.from(prompt);
  const tokens: number[] = [];
  const begun = performance.now();
  let first = begun;
  for await (const update of engine.generate({ requestId: `${numRounds++}`, promptTokens, sampling })) {
    if (tokens.length === 0) first = performance.now();
    tokens.push(...update.tokens);
  }
  const prefillMs = first - begun;
  return { numPromptTokens: prompt.length, prefillMs, decodeMs: performance.now() - first, tokens };
}

for await (const line of createInterface({ input: process.stdin })) {
  const question: Question = JSON.parse(line);
  const answer: Encoded | Round = question.type === "encode"
    ? { modelFile: checkpoint.files[0]!, tokens: [...engine.encode(question.text)] }
    : await generate(question.prompt, question.numTokens);
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await engine.stop();
