/**
 * Sampling state of one sequence: its parameters and the tokens generated so far.
 *
 * @module
 */
import type { LogitChange } from "../../ffi/sampler.ts";
import type { SequenceStart } from "../messages/scheduler_verifier.ts";
import { type SamplingParams, seedHalves } from "../contracts/sampling_params.ts";

/** Which token is to be drawn. */
export interface NextToken {
  /** Draft tokens before it. */
  readonly drafts?: readonly number[];
  /** Whether it can only be an end token. */
  readonly mustEnd?: boolean;
}

/** Sampling state. Keeps tokens only if the parameters need them, so that plain sampling costs nothing per token. */
export class SequenceSampling {
  readonly params: SamplingParams;
  /** The seed in two halves, as the native sampler takes it. */
  readonly seed: ReturnType<typeof seedHalves>;
  readonly #counts = new Map<number, number>();
  readonly #bias: ReadonlyMap<number, number>;
  readonly #endTokens: readonly number[];
  readonly #remembers: boolean;
  /** A matcher masks its tokens. */
  readonly isConstrained: boolean;
  #numOutput = 0;
  /** Of a constrained sequence, the output since {@linkcode SequenceSampling.takeOutput}. */
  #untaken: number[] = [];

  /** `eosTokenIds` are banned, like the stop tokens, until `minTokens` are out. */
  constructor(start: SequenceStart, eosTokenIds: readonly number[]) {
    const { sampling, tokens, numPromptTokens } = start;
    this.params = sampling;
    this.isConstrained = start.isConstrained ?? false;
    this.seed = seedHalves(sampling.seed);
    this.#bias = new Map(sampling.logitBias);
    this.#endTokens = [...eosTokenIds, ...sampling.stopTokenIds];
    this.#remembers = sampling.frequencyPenalty !== 0 || sampling.presencePenalty !== 0 ||
      sampling.repetitionPenalty !== 1;
    if (this.#remembers) {
      for (const token of tokens.subarray(0, numPromptTokens)) {
        this.#counts.set(token, 0);
      }
    }
    for (const token of tokens.subarray(numPromptTokens)) this.append(token);
  }

  /** Appends a generated token. */
  append(token: number): void {
    this.#numOutput++;
    if (this.isConstrained) this.#untaken.push(token);
    if (this.#remembers) countOne(this.#counts, token);
  }

  /** Takes the output tokens of a constrained sequence since the last call, with the number of those before. */
  takeOutput(): { readonly numBefore: number; readonly tokens: Int32Array } {
    const tokens = Int32Array.from(this.#untaken);
    this.#untaken = [];
    return { numBefore: this.#numOutput - tokens.length, tokens };
  }

  /**
   * The changes to the logits of the next token, or of the one after `drafts`, if those were accepted; empty for plain
   * sampling. Where the sequence must end, `minTokens` does not keep it from doing so.
   */
  logitChanges({ drafts = [], mustEnd = false }: NextToken = {}): LogitChange[] {
    const bansEnd = !mustEnd && this.#numOutput + drafts.length < this.params.minTokens;
    if (!this.#remembers && !bansEnd && this.#bias.size === 0) return [];
    const bias = bansEnd
      ? new Map([...this.#bias, ...this.#endTokens.map((token) => [token, -Infinity] as const)])
      : this.#bias;
    const counts = this.#remembers && drafts.length > 0 ? new Map(this.#counts) : this.#counts;
    if (counts !== this.#counts) { for (const token of drafts) countOne(counts, token); }
    const changes: LogitChange[] = [];
    for (const [token, count] of counts) {
      changes.push({ token, seen: true, count, bias: bias.get(token) ?? 0 });
    }
    for (const [token, value] of bias) {
      if (!counts.has(token)) changes.push({ token, seen: false, count: 0, bias: value });
    }
    return changes;
  }
}

function countOne(counts: Map<number, number>, token: number): void {
  counts.set(token, (counts.get(token) ?? 0) + 1);
}
