/**
 * The promise that a request's tokens, text and logprobs depend on the request alone, kept by the real model: not on
 * neighbours in the batch, cache hits, chunks, pages, preemptions or threads.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ServerArgs } from "../../runtime/contracts/server_args.ts";
import { createEngine, type Engine } from "../../runtime/engine/engine.ts";
import type { EngineOptions } from "../../runtime/engine/options.ts";
import type { GenerationUpdate } from "../../runtime/contracts/generation.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { loadTokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../runtime/weights/resolve.ts";
import { MessageGuard } from "../support/message_guard.ts";
import { needsModel } from "../support/model_file.ts";
import { libraryPath } from "../support/native.ts";
import { collect, defaultArgs, requestOf } from "../support/test_engine.ts";

const { ignore, path } = needsModel();

const STORY =
  "Once upon a time, in a small village by the sea, there lived an old fisherman who spoke to the waves. ";

/** Prompts of 1 to about 100 tokens, some with a common beginning, under all kinds of sampling. */
const REQUESTS: readonly { readonly prompt: string; readonly sampling: Partial<SamplingParams> }[] = [
  { prompt: "The", sampling: { temperature: 0, maxTokens: 64 } },
  { prompt: STORY, sampling: { temperature: 0.8, topP: 0.9, seed: 1, maxTokens: 64 } },
  { prompt: STORY, sampling: { temperature: 0.8, topP: 0.9, seed: 2, maxTokens: 56 } },
  { prompt: `${STORY}One day`, sampling: { topK: 40, minP: 0.05, seed: 3, maxTokens: 64 } },
  {
    prompt: "List ten animals: cat, dog, cat, dog, cat,",
    sampling: { temperature: 0, frequencyPenalty: 0.6, presencePenalty: 0.4, maxTokens: 64 },
  },
  {
    prompt: STORY.repeat(4),
    sampling: { temperature: 0.7, repetitionPenalty: 1.3, seed: 5, numLogprobs: 2, maxTokens: 40 },
  },
  {
    prompt: `${STORY}His name was`,
    sampling: { temperature: 0, numLogprobs: 5, promptLogprobStart: 0, maxTokens: 64 },
  },
  {
    prompt: "2 + 2 =",
    sampling: {
      seed: 7,
      minTokens: 30,
      logitBias: [[28, 2], [30, -4]],
      stop: ["answer", "\n\n"],
      maxTokens: 64,
    },
  },
];

/** What a run of the requests yielded. */
interface Run {
  readonly updates: readonly GenerationUpdate[];
  readonly lines: readonly string[];
  readonly numPreemptions: number;
}

type Mode = "one by one" | "together";

/** Starts an engine and runs the requests on it, once for each mode. */
async function run(
  modes: readonly Mode[],
  args: Partial<ServerArgs> = {},
  placement: EngineOptions["placement"] = "worker",
): Promise<Run> {
  const { checkpoint, tokenizerSource } = await openCheckpoint(await resolveModel(path));
  const lines: string[] = [], guard = new MessageGuard();
  await using engine = await createEngine({
    // A line for every decode step.
    args: { ...defaultArgs, pageSize: 16, threads: 2, decodeLogInterval: 1, ...args },
    checkpoint,
    tokenizer: loadTokenizer(tokenizerSource, {}),
    libraryPath,
    device: "cpu",
    placement,
    log: (_, line) => void lines.push(line),
  }, { channels: guard.channels });
  let updates: GenerationUpdate[] = [];
  for (const mode of modes) updates = await generateAll(engine, mode);
  const { numPreemptions, numFreePages, numEvictablePages, numPages } = await engine.schedulerState();
  assert.equal(numFreePages + numEvictablePages, numPages, "pages leak");
  guard.assertUnchanged();
  assert.equal(guard.numSent > 0, placement === "inline");
  return { updates, lines, numPreemptions };
}

async function generateAll(engine: Engine, mode: Mode): Promise<GenerationUpdate[]> {
  const generate = ({ prompt, sampling }: (typeof REQUESTS)[number], index: number) =>
    engine.encode(prompt).then((tokens) =>
      collect(engine.generate(requestOf(`r${index}`, [...tokens], sampling)))
    );
  if (mode === "together") return await Promise.all(REQUESTS.map(generate));
  const updates: GenerationUpdate[] = [];
  for (const [index, request] of REQUESTS.entries()) updates.push(await generate(request, index));
  return updates;
}

/** The part of a result that depends on the request alone. */
function words({ updates }: Run) {
  return updates.map(({ text, tokens, logprobs, promptLogprobs, finish, usage }) => ({
    text,
    tokens,
    logprobs,
    promptLogprobs,
    finish,
    numCompletionTokens: usage.numCompletionTokens,
  }));
}

function numCachedTokens({ updates }: Run): number {
  return updates.reduce((sum, { usage }) => sum + usage.numCachedTokens, 0);
}

/** The numbers that follow `name` in the log. */
function logged({ lines }: Run, line: "Prefill" | "Decode", name: string): number[] {
  const pattern = new RegExp(`^${line} batch\\..*${name}: (\\d+)`);
  return lines.flatMap((text) => pattern.exec(text)?.[1] ?? []).map(Number);
}

let alone: Promise<Run> | undefined;

/** Every request with the machine to itself, on an engine that knows no cache. */
function runAlone(): Promise<Run> {
  return alone ??= run(["one by one"], { disableRadixCache: true });
}

Deno.test({
  name: "seeds, penalties, limits and stop texts make every request's words its own",
  ignore,
  async fn() {
    const reference = await runAlone();
    assert.equal(new Set(reference.updates.map(({ text }) => text)).size, REQUESTS.length);
    assert.equal(Math.max(...logged(reference, "Decode", "#running-req")), 1);
    assert.equal(reference.numPreemptions, 0);
  },
});

/** What a request's words must not depend on. */
interface Circumstance {
  readonly name: string;
  readonly modes: readonly Mode[];
  readonly args?: Partial<ServerArgs>;
  readonly placement?: EngineOptions["placement"];
  /** Proves that it was one. */
  readonly check: (run: Run) => void;
}

const preempting: Circumstance = {
  name: "a pool so small that sequences are preempted",
  // After so many steps the scheduler expects little of sequences and admits more than fit in the end.
  modes: ["one by one", "together"],
  args: { maxTotalTokens: 368 },
  check({ numPreemptions, updates }) {
    assert.ok(numPreemptions > 0);
    assert.ok(updates.some(({ usage }) => usage.numPreemptions > 0));
  },
};

const CIRCUMSTANCES: readonly Circumstance[] = [
  {
    name: "eight in one batch",
    modes: ["together"],
    check: (run) => assert.equal(Math.max(...logged(run, "Decode", "#running-req")), 8),
  },
  {
    name: "a warm radix cache",
    modes: ["together", "together"],
    check: (run) => assert.ok(numCachedTokens(run) > 100, `${numCachedTokens(run)} cached`),
  },
  {
    name: "prefill in chunks of 16",
    modes: ["together"],
    args: { chunkedPrefillSize: 16 },
    check: (run) => assert.equal(Math.max(...logged(run, "Prefill", "#new-token")), 16),
  },
  preempting,
  { ...preempting, name: `${preempting.name}, no message changed after it was sent`, placement: "inline" },
  {
    name: "pages of 32 tokens, one thread",
    modes: ["together"],
    args: { pageSize: 32, threads: 1 },
    check: (run) => assert.equal(Math.max(...logged(run, "Decode", "#running-req")), 8),
  },
  {
    name: "no radix cache",
    modes: ["together", "together"],
    args: { disableRadixCache: true },
    check: (run) => assert.equal(numCachedTokens(run), 0),
  },
];

for (const { name, modes, args, placement, check } of CIRCUMSTANCES) {
  Deno.test({
    name: `the same words bit for bit: ${name}`,
    ignore,
    async fn() {
      const reference = await runAlone();
      const result = await run(modes, args, placement);
      check(result);
      assert.deepEqual(words(result), words(reference));
    },
  });
}
