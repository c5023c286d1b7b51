/**
 * Draws the output rows of a forward: collects their parameters, runs the native sampler, reads tokens and logprobs.
 *
 * @module
 */
import type { TokenLogprob } from "../contracts/outputs.ts";
import type { Context } from "../../ffi/context.ts";
import type { TensorId } from "../../ffi/handles.ts";
import { GREEDY_ROW, REPORT_RANK, SamplerArrays, type SamplingRow } from "../../ffi/sampler.ts";
import { maxTopLogprobs, type SamplingParams } from "../contracts/sampling_params.ts";
import type { SequenceSampling } from "./sequence_sampling.ts";

/** Smallest positive number of 32 bits that native code does not take for 0, which two parameters must not be. */
const smallest = 2 ** -126;

/** One output row. */
export interface OutputRow {
  readonly sampling: SequenceSampling;
  /** Position of the token to draw. */
  readonly position: number;
  /** A known token to report instead of drawing, or -1. */
  readonly target: number;
  /** False: its hidden state is all that is wanted of it. True if left out. */
  readonly isDrawn?: boolean;
  /** Draft tokens between the sequence's newest token and this row. */
  readonly drafts?: readonly number[];
  /** Number of most probable tokens to report at least, whatever the request asks for. */
  readonly numTop?: number;
  /** Index of the mask that says which tokens may be drawn; -1 or undefined: all. Of a `target` it is not used. */
  readonly mask?: number;
  /** Only end tokens may come: `minTokens` does not ban them. */
  readonly mustEnd?: boolean;
}

/** Masks of a draw, which rows name by their index. */
export interface Masks {
  /** [masks, ceil(vocabSize / 32)]: bit t % 32 of word t / 32 is set if token t may be drawn. */
  readonly words: Uint32Array;
}

/** What to report of a row. */
export interface LogprobReport {
  /** Most probable tokens; no more than the row asked for. There are fewer where fewer may be drawn. */
  readonly numTop: number;
  /** Others, by id: the row's `logprobTokens`. */
  readonly tokens?: readonly number[];
  /** The rank of the token. */
  readonly rank?: boolean;
}

/** The report that a request asks for at positions of its prompt. */
export function promptReport(
  { numLogprobs, numPromptLogprobs, promptRanks, logprobTokens }: SamplingParams,
): LogprobReport {
  const numTop = Math.max(0, numPromptLogprobs < 0 ? numLogprobs : numPromptLogprobs);
  return { numTop, tokens: logprobTokens, rank: promptRanks };
}

/** How an output row is drawn. */
function rowOf(
  { sampling, position, target, isDrawn = true, numTop = -1, mask = -1 }: OutputRow,
): SamplingRow {
  if (!isDrawn) return GREEDY_ROW;
  const { params, seed } = sampling, isPrompt = target >= 0;
  const report = isPrompt ? promptReport(params) : undefined;
  return {
    // Prompt logprobs are the model's own: nothing was drawn there.
    temperature: isPrompt ? 0 : params.temperature,
    topP: Math.max(params.topP, smallest),
    minP: params.minP,
    repetition: Math.max(params.repetitionPenalty, smallest),
    frequency: params.frequencyPenalty,
    presence: params.presencePenalty,
    topK: params.topK,
    position,
    target,
    numTop: report ? report.numTop : Math.max(params.numLogprobs, numTop),
    seedLow: seed.low,
    seedHigh: seed.high,
    flags: report?.rank ? REPORT_RANK : 0,
    mask: isPrompt ? -1 : mask,
  };
}

/** Draws with the parameters of requests. */
export class Sampler {
  readonly #arrays: SamplerArrays;

  constructor(context: Context, maxOutputs: number, vocabSize: number) {
    this.#arrays = new SamplerArrays(context, maxOutputs, vocabSize, maxTopLogprobs);
  }

  /** Runs (or records) the draw from logits [outputs, vocabSize]. */
  forward(logits: TensorId): void {
    this.#arrays.forward(logits);
  }

  /**
   * Sets the parameters of the rows to come.
   *
   * @throws {NativeError} if a row names a mask that is not there
   */
  write(outputs: readonly OutputRow[], masks?: Masks): void {
    this.#arrays.clear();
    for (const output of outputs) {
      const { sampling, target, isDrawn = true } = output;
      const { numLogprobs, logprobTokens } = sampling.params;
      const changes = target < 0 && isDrawn ? sampling.logitChanges(output) : [];
      const reports = target >= 0 || (isDrawn && numLogprobs >= 0);
      this.#arrays.add(rowOf(output), changes, reports ? logprobTokens : []);
    }
    if (masks) this.#arrays.mask(masks.words as Uint32Array<ArrayBuffer>);
    this.#arrays.write();
  }

  /** Copies the results of the draw out of native memory. */
  read(numRows: number): void {
    this.#arrays.read(numRows);
  }

  /** The drawn (or target) token of row `i` after the forward; -1 if its mask allows none. */
  tokenAt(i: number): number {
    return this.#arrays.tokens[i]!;
  }

  /** The logprobs of row `i`, which must have asked for them: of its token, or of another among those reported. */
  logprobAt(
    i: number,
    { numTop, tokens: ids = [], rank = false }: LogprobReport,
    token: number = this.tokenAt(i),
  ): TokenLogprob {
    const { tokens, logprobs, topTokens, topLogprobs, ranks } = this.#arrays;
    const first = i * maxTopLogprobs;
    const top = Array.from(
      { length: numTop },
      (_, n) => [topTokens[first + n]!, topLogprobs[first + n]!] as const,
    ).filter(([token]) => token >= 0);
    const isDrawn = token === tokens[i];
    return {
      token,
      logprob: isDrawn ? logprobs[i]! : topLogprobs[topTokens.indexOf(token, first)]!,
      top,
      ...(ids.length > 0 && { chosen: ids.map((_, n) => this.#arrays.queryLogprob(i, n)) }),
      ...(rank && { rank: ranks[i]! }),
    };
  }
}
