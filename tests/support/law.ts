/**
 * The law of speculation, to be checked on any model: a request's tokens, text and logprobs are bit for bit those of
 * plain decoding.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { OutputConstraint } from "../../runtime/contracts/constraint.ts";
import type { ServerArgs } from "../../runtime/contracts/server_args.ts";
import type { EngineParts } from "../../runtime/engine/actors.ts";
import { createEngine, type Engine } from "../../runtime/engine/engine.ts";
import type { EngineOptions } from "../../runtime/engine/options.ts";
import type { GenerationRequest, GenerationUpdate } from "../../runtime/contracts/generation.ts";
import type { TextRound } from "../../runtime/contracts/speculation_round.ts";
import { openSpeculation } from "../../runtime/speculation/setup/open_speculation.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";
import { toDefinition } from "../../runtime/tokenizer/source.ts";
import { loadTokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import type { OpenedCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { MessageGuard } from "./message_guard.ts";
import { libraryPath } from "./native.ts";
import { checkRound, isPlain } from "./rounds.ts";
import { collect, defaultArgs, requestOf } from "./test_engine.ts";

/** One request of a law. */
export interface Case {
  readonly prompt: readonly number[];
  readonly sampling: Partial<SamplingParams>;
  readonly constraint?: OutputConstraint;
}

/** Setting that a law is checked in. */
export interface Setting {
  readonly target: OpenedCheckpoint;
  readonly cases: readonly Case[];
  /** Another device than the CPU. */
  readonly on?: Pick<EngineOptions, "libraryPath" | "device">;
  /** Makes the matcher of constrained cases; the real one if left out. */
  readonly matcher?: EngineParts["matcher"];
}

/** Steps, top-k and draft tokens. */
export type Shape = readonly [steps: number, topk: number, tokens: number];

/** The trees that people run SGLang with. */
export const commonShapes: readonly Shape[] = [[3, 4, 16], [5, 4, 8], [5, 8, 64], [5, 8, 32], [1, 1, 2]];

/** The flags that ask for a shape; none for the automatic one. */
export function shapeArgs(shape: Shape | undefined): Partial<ServerArgs> {
  if (shape === undefined) return {};
  const [steps, topk, tokens] = shape;
  return {
    speculativeNumSteps: steps,
    speculativeEagleTopk: topk,
    speculativeNumDraftTokens: tokens,
  };
}

/** Name of a shape by its flags, e.g. `3/4/16`. */
export function shapeName(shape: Shape | undefined): string {
  return shape?.join("/") ?? "automatic";
}

/** An engine for a setting's target, in this thread; it crashes if a message is changed after it was sent. */
export async function start(
  { target, on, matcher }: Pick<Setting, "target" | "on" | "matcher">,
  args: Partial<ServerArgs>,
  { parts = {}, ...options }: Partial<EngineOptions> & { readonly parts?: EngineParts } = {},
): Promise<Engine> {
  const all = { ...defaultArgs, pageSize: 16, threads: 2, maxTotalTokens: 4096, ...args };
  const { speculation } = await openSpeculation(all, target);
  return await createEngine({
    args: all,
    checkpoint: target.checkpoint,
    tokenizer: Object.assign(loadTokenizer(target.tokenizerSource, {}), {
      definition: toDefinition(target.tokenizerSource),
    }),
    speculation,
    libraryPath,
    device: "cpu",
    placement: "inline",
    log: () => {},
    ...on,
    ...options,
  }, { channels: new MessageGuard().channels, ...(matcher && { matcher }), ...parts });
}

/** What a request asks for beside its tokens. */
type Asks = Pick<GenerationRequest, "speculative" | "reportsRounds">;

function generate(
  engine: Engine,
  { prompt, sampling, constraint }: Case,
  index: number,
  asks: Asks = {},
): Promise<GenerationUpdate> {
  const request = requestOf(`r${index}`, prompt, sampling);
  return collect(engine.generate({ ...request, ...(constraint && { constraint }), ...asks }));
}

/** Runs each case alone, without speculation or cache. */
export async function runPlain(
  setting: Setting,
  args: Partial<ServerArgs> = {},
): Promise<GenerationUpdate[]> {
  await using engine = await start(setting, {
    speculativeAlgorithm: "NONE",
    disableRadixCache: true,
    ...args,
  });
  const updates: GenerationUpdate[] = [];
  for (const [index, one] of setting.cases.entries()) updates.push(await generate(engine, one, index));
  return updates;
}

/** The part of a result that depends on the request alone. */
function words({ text, tokens, logprobs, promptLogprobs, finish, usage }: GenerationUpdate) {
  return { text, tokens, logprobs, promptLogprobs, finish, numTokens: usage.numCompletionTokens };
}

/** Sums over all requests. */
export interface Sums {
  verifications: number;
  proposed: number;
  accepted: number;
  cached: number;
  preempted: number;
}

/**
 * Requests that run together: one by default, one whose rounds are reported, one that decodes plainly; then such and such
 * at once, and all with drafts, some with their rounds.
 */
const RUNS: readonly [first: number, end: number, asks: (index: number) => Asks][] = [
  [1, 2, () => ({})],
  [2, 3, () => ({ reportsRounds: true })],
  [1, 2, () => ({ reportsRounds: true, speculative: false })],
  [0, 8, (index) => ({ reportsRounds: true, ...(index % 2 === 1 && { speculative: false }) })],
  [0, Infinity, (index) => index % 3 === 0 ? {} : { reportsRounds: true }],
];

/** Checks what a request was told of its rounds against all else that it was told. */
function checkRounds({ rounds = [], tokens, text, finish, usage }: GenerationUpdate, asks: Asks): void {
  if (!asks.reportsRounds) return assert.equal(rounds.length, 0);
  assert.deepEqual(rounds.flatMap((round) => [...round.tokens]), tokens);
  assert.equal(rounds.flatMap(({ texts }) => texts).join(""), text);
  rounds.forEach((round, i) => {
    checkRound(round);
    // The last round may be cut within its drafts.
    const isCut = i === rounds.length - 1 && round.accepted.length === round.tokens.length;
    assert.ok(isCut || round.accepted.length === round.tokens.length - 1);
  });
  if (asks.speculative === false) {
    assert.ok(rounds.every(isPlain));
    assert.equal(usage.speculation, undefined);
    return;
  }
  // Behind a stop text there may be rounds that are counted and not reported.
  if (finish?.type === "stop" && typeof finish.matched === "string") return;
  const sum = (count: (round: TextRound) => number) => rounds.reduce((sum, round) => sum + count(round), 0);
  const { numProposed, numAccepted } = usage.speculation!;
  assert.equal(sum(({ tree }) => tree.tokens.length), numProposed);
  assert.equal(sum(({ tokens, accepted }) => Math.min(accepted.length, tokens.length - 1)), numAccepted);
}

/**
 * Runs some cases alone, then a few at once, then all, many of them on a warm cache; prompts in chunks of 16. What
 * requests ask for beside their tokens changes none of these.
 */
export async function checkLaw(
  setting: Setting,
  expected: readonly GenerationUpdate[],
  args: Partial<ServerArgs>,
  options: Parameters<typeof start>[2] = {},
): Promise<Sums> {
  const guard = new MessageGuard();
  await using engine = await start(setting, { chunkedPrefillSize: 16, ...args }, {
    ...options,
    parts: { channels: guard.channels, ...options.parts },
  });
  const sums = { verifications: 0, proposed: 0, accepted: 0, cached: 0, preempted: 0 };
  const check = (update: GenerationUpdate, index: number, asks: Asks) => {
    assert.deepEqual(words(update), words(expected[index]!), `request ${index}`);
    checkRounds(update, asks);
    const { speculation, numCachedTokens, numPreemptions } = update.usage;
    sums.verifications += speculation?.numVerifications ?? 0;
    sums.proposed += speculation?.numProposed ?? 0;
    sums.accepted += speculation?.numAccepted ?? 0;
    sums.cached += numCachedTokens;
    sums.preempted += numPreemptions;
  };
  for (const [first, end, asks] of RUNS) {
    const updates = await Promise.all(
      setting.cases.slice(first, end).map((one, i) => generate(engine, one, first + i, asks(first + i))),
    );
    updates.forEach((update, i) => check(update, first + i, asks(first + i)));
  }
  const { numFreePages, numEvictablePages, numPages } = await engine.schedulerState();
  assert.equal(numFreePages + numEvictablePages, numPages, "pages leak");
  guard.assertUnchanged();
  assert.ok(guard.numSent > 0);
  return sums;
}
