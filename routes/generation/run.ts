/**
 * Runs the generations of one HTTP request side by side and gathers what they yield.
 *
 * @module
 */
import type { GenerationRequest, GenerationUpdate, Generator } from "../../runtime/contracts/generation.ts";
import type { FinishReason, TokenLogprob } from "../../runtime/contracts/outputs.ts";
import type { TextRound } from "../../runtime/contracts/speculation_round.ts";
import type { Usage } from "../../runtime/contracts/usage.ts";
import type { SamplingParams } from "../../runtime/contracts/sampling_params.ts";

/** Something that concerns the generation at `index` of its HTTP request. */
export interface Indexed<T> {
  readonly index: number;
  readonly value: T;
}

/** Output of a generation: all of it, or what came since the last chunk. */
export class Output implements GenerationUpdate {
  text = "";
  readonly tokens: number[] = [];
  readonly logprobs: TokenLogprob[] = [];
  readonly textOffsets: number[] = [];
  next?: TokenLogprob;
  readonly promptLogprobs: TokenLogprob[] = [];
  readonly rounds: TextRound[] = [];
  readonly hiddenStates: Float32Array[] = [];
  finish?: FinishReason;
  /** When the first of these tokens came, by `performance.now()`. */
  firstAt?: number;
  usage: Usage = { numPromptTokens: 0, numCompletionTokens: 0, numCachedTokens: 0, numPreemptions: 0 };

  /** Appends what came next. */
  add(update: GenerationUpdate): void {
    if (this.firstAt === undefined && update.tokens.length > 0) this.firstAt = performance.now();
    this.text += update.text;
    append(this.tokens, update.tokens);
    append(this.logprobs, update.logprobs ?? []);
    append(this.textOffsets, update.textOffsets ?? []);
    append(this.promptLogprobs, update.promptLogprobs ?? []);
    append(this.rounds, update.rounds ?? []);
    append(this.hiddenStates, update.hiddenStates ?? []);
    if (update.next !== undefined) this.next = update.next;
    if (update.finish !== undefined) this.finish = update.finish;
    this.usage = update.usage;
  }
}

function append<T>(list: T[], items: readonly T[]): void {
  for (const item of items) list.push(item);
}

/** An AbortController that also fires when `signal` does. */
export function abortWith(signal: AbortSignal): AbortController {
  const abort = new AbortController();
  if (signal.aborted) abort.abort();
  else signal.addEventListener("abort", () => abort.abort(), { once: true });
  return abort;
}

/** `numCopies` generations of one prompt; their ids begin with `id`, so that one abort finds them all. */
export function copiesOf(
  id: string,
  promptTokens: Int32Array,
  numCopies: number,
  sampling: (copy: number) => SamplingParams,
  common: Pick<
    GenerationRequest,
    "cacheKey" | "constraint" | "shownTokens" | "speculative" | "reportsRounds" | "hiddenStates"
  > = {},
): GenerationRequest[] {
  return Array.from({ length: numCopies }, (_, copy) => ({
    requestId: numCopies === 1 ? id : `${id}-${copy}`,
    promptTokens,
    sampling: sampling(copy),
    ...common,
  }));
}

/** The requests as one batch, which is queued as a whole or not at all; one alone needs none. */
export function asBatch<Request extends Pick<GenerationRequest, "promptTokens">>(
  requests: readonly Request[],
): (Request & Pick<GenerationRequest, "batch">)[] {
  if (requests.length < 2) return [...requests];
  // Not a request's id, which a client may choose again.
  const id = crypto.randomUUID();
  let numFollowingTokens = requests.reduce((sum, { promptTokens }) => sum + promptTokens.length, 0);
  let promptIndex = 0;
  return requests.map((request, i) => {
    numFollowingTokens -= request.promptTokens.length;
    // Copies of a prompt have its tokens in common.
    if (i > 0 && request.promptTokens !== requests[i - 1]!.promptTokens) promptIndex++;
    const batch = { id, promptIndex, numFollowing: requests.length - 1 - i, numFollowingTokens };
    return { ...request, batch };
  });
}

/**
 * Runs all requests at once; updates come in the order they are made. The first failure, and leaving the loop early,
 * abort every generation through `abort`.
 */
export async function* runAll(
  generator: Generator,
  requests: readonly GenerationRequest[],
  abort: AbortController,
): AsyncGenerator<Indexed<GenerationUpdate>, void, void> {
  // Updates of each generation, merged while the reader is busy: a slow reader gets one large update, not a queue.
  const arrived = new Map<number, Output>();
  let arrival = Promise.withResolvers<void>(), over = false;
  const run = async (request: GenerationRequest, index: number) => {
    for await (const value of generator.generate(request, abort.signal)) {
      const output = arrived.get(index) ?? new Output();
      output.add(value);
      arrived.set(index, output);
      arrival.resolve();
    }
  };
  const all = Promise.all(requests.map(run)).finally(() => {
    over = true;
    arrival.resolve();
  });
  all.catch(() => abort.abort());
  try {
    for (;;) {
      for (const [index, value] of arrived) {
        arrived.delete(index);
        yield { index, value };
      }
      if (over) break;
      await arrival.promise;
      arrival = Promise.withResolvers();
    }
    await all;
  } finally {
    if (!over) abort.abort();
  }
}

/** Waits for all of `count` generations. */
export async function collect(
  updates: AsyncIterable<Indexed<GenerationUpdate>>,
  count: number,
): Promise<Output[]> {
  const outputs = Array.from({ length: count }, () => new Output());
  for await (const { index, value } of updates) outputs[index]?.add(value);
  return outputs;
}

/**
 * Joins updates to chunks worth sending: the first text at once, then `interval` tokens or more, and what is left
 * with the finish. While text is withheld nothing is sent.
 */
export async function* chunked(
  updates: AsyncIterable<Indexed<GenerationUpdate>>,
  interval: number,
): AsyncGenerator<Indexed<Output>> {
  const pending = new Map<number, Output>();
  const started = new Set<number>();
  for await (const { index, value } of updates) {
    const output = pending.get(index) ?? new Output();
    output.add(value);
    const full = output.text !== "" && (!started.has(index) || output.tokens.length >= interval);
    if (full || output.finish !== undefined) {
      pending.delete(index);
      started.add(index);
      yield { index, value: output };
    } else {
      pending.set(index, output);
    }
  }
}
