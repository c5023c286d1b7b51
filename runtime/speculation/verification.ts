/**
 * Verification of a forward's segments: which outputs are wanted of it, which drafts are accepted once they are drawn,
 * and which KV slots are then to be copied. Exact, or by threshold where the configuration says so.
 *
 * @module
 */
import { acceptPath, childrenOf, pathTokens } from "../contracts/draft_tree.ts";
import { InvalidRequestError, toWireError, type WireError } from "../contracts/errors.ts";
import { maxTopLogprobs } from "../contracts/sampling_params.ts";
import type { AcceptThresholds } from "../contracts/speculation_config.ts";
import type { SequenceMasks } from "../messages/matcher.ts";
import type { Segment, SegmentResult } from "../messages/scheduler_verifier.ts";
import { layOut, type SegmentLayout, slotAt } from "../models/segment_rows.ts";
import type { SlotCopies } from "../models/target_runner.ts";
import { type OutputRow, promptReport, type Sampler } from "../sampling/sampler.ts";
import type { SequenceSampling } from "../sampling/sequence_sampling.ts";
import { acceptByThreshold, filteredProbabilities, uniformOf } from "./threshold_acceptance.ts";

/** Rules of verification that come from the verifier's configuration. */
export interface VerificationRules {
  /** Tokens of a page. */
  readonly pageSize: number;
  /** Undefined: exact. */
  readonly acceptThresholds?: AcceptThresholds | undefined;
}

/** Tokens and logprobs drawn, by output. */
export type Drawn = Pick<Sampler, "tokenAt" | "logprobAt">;

/** Copies hidden states of `numOutputs` outputs from the given one on: [numOutputs, hiddenSize]. */
export type StateReader = (firstOutput: number, numOutputs: number) => Float32Array;

/** Masks of constrained segments, by their index. */
type Masks = ReadonlyMap<number, SequenceMasks>;

const NO_MASKS: Masks = new Map();

/** What the sampler's -1 means: the mask of a row lets no token come. */
const NO_TOKEN = toWireError(new InvalidRequestError("Cannot go on: the grammar lets no token come"));

/** The result of a segment whose sequence cannot go on. */
function failed(error: WireError): SegmentResult {
  return { tokens: new Int32Array(0), accepted: new Int32Array(0), error };
}

/** The segments of one forward under verification. */
export class Verification {
  /** Where the outputs of each segment are. */
  readonly layouts: readonly SegmentLayout[];
  readonly #rules: VerificationRules;
  readonly #samplings: readonly SequenceSampling[];

  /** `samplingOf` knows the sampling state of every segment's sequence. */
  constructor(
    segments: readonly Segment[],
    samplingOf: (requestId: string) => SequenceSampling,
    rules: VerificationRules,
  ) {
    this.#rules = rules;
    this.#samplings = segments.map(({ requestId }) => samplingOf(requestId));
    this.layouts = layOut(segments);
  }

  /** The outputs to draw, in the order of the layouts, where none is masked. */
  get outputs(): OutputRow[] {
    return this.outputsUnder(NO_MASKS);
  }

  /** The outputs to draw, in the order of the layouts. */
  outputsUnder(masks: Masks): OutputRow[] {
    return this.layouts.flatMap((layout, i) => this.#outputsOf(layout, this.#samplings[i]!, masks.get(i)));
  }

  /**
   * Accepts drafts by the drawn tokens and returns the results of the segments. `copies` are the KV slots to copy so
   * that accepted drafts follow their segment's rows without gaps. Called once: it appends the tokens to the sampling
   * states.
   *
   * @param masks that the outputs were drawn under
   */
  conclude(
    drawn: Drawn,
    states: StateReader,
    masks: Masks = NO_MASKS,
  ): { readonly results: SegmentResult[]; readonly copies: SlotCopies } {
    const copies = { from: [] as number[], to: [] as number[] };
    const results = this.layouts.map((layout, i) => {
      const error = masks.get(i)?.error;
      const result = error ? failed(error) : this.#resultOf(layout, this.#samplings[i]!, drawn);
      this.#addCopies(layout, result.accepted, copies);
      const hiddenStates = statesOf(layout, result.accepted, states);
      return hiddenStates === undefined ? result : { ...result, hiddenStates };
    });
    return { results, copies: { from: Int32Array.from(copies.from), to: Int32Array.from(copies.to) } };
  }

  #outputsOf(
    { segment, tree, depths, firstOutput, firstOutputRow, endOutputRow, firstLogprob }: SegmentLayout,
    sampling: SequenceSampling,
    masks: SequenceMasks | undefined,
  ): OutputRow[] {
    const { tokens, start, sample, promptLogprobs } = segment, end = start + tokens.length;
    const numTop = this.#rules.acceptThresholds && tree.tokens.length > 0 ? maxTopLogprobs : -1;
    const outputs: OutputRow[] = [];
    const numOnlyStates = Math.min(firstLogprob - firstOutput, endOutputRow - firstOutputRow);
    for (let i = 0; i < numOnlyStates; i++) {
      outputs.push({ sampling, position: start + firstOutputRow + i + 1, target: -1, isDrawn: false });
    }
    promptLogprobs?.nextTokens.forEach((target, i) => {
      const position = end - (sample ? 1 : 0) - promptLogprobs.numRows + i + 1;
      outputs.push({ sampling, position, target });
    });
    // Masks are of the root, then of the nodes; a matcher that is lost has none.
    const masked = (row: number) => {
      const mask = masks?.rows[row] ?? -1;
      return { target: -1, numTop, ...(masks && { mask, mustEnd: masks.mustEnd[row] === 1 }) };
    };
    if (sample) outputs.push({ sampling, position: end, ...masked(0) });
    depths.forEach((depth, node) =>
      outputs.push({ sampling, position: end + depth, drafts: pathTokens(tree, node), ...masked(node + 1) })
    );
    return outputs;
  }

  #resultOf(layout: SegmentLayout, sampling: SequenceSampling, drawn: Drawn): SegmentResult {
    const { segment: { sample, promptLogprobs }, tree, firstLogprob, root } = layout, { params } = sampling;
    const prompt = promptLogprobs && {
      promptLogprobs: Array.from(
        { length: promptLogprobs.numRows },
        (_, i) => drawn.logprobAt(firstLogprob + i, promptReport(params)),
      ),
    };
    if (!sample) return { tokens: new Int32Array(0), accepted: new Int32Array(0), ...prompt };
    const tokens: number[] = [];
    const accepted = acceptPath(tree, (node) => {
      const token = this.#tokenAfter(layout, sampling, node, drawn);
      tokens.push(token);
      return token;
    });
    if (tokens.at(-1) === -1) {
      if (accepted.length === 0) return failed(NO_TOKEN);
      // The drafts that lead there come first, as they would have without drafts; then the next step fails.
      tokens.pop();
      accepted.pop();
    }
    for (const token of tokens) sampling.append(token);
    const report = { numTop: params.numLogprobs, tokens: params.logprobTokens };
    const logprobs = report.numTop >= 0 && {
      logprobs: tokens.map((token, i) => drawn.logprobAt(root + 1 + (accepted[i - 1] ?? -1), report, token)),
    };
    return { tokens: Int32Array.from(tokens), accepted: Int32Array.from(accepted), ...logprobs, ...prompt };
  }

  /** The token to go on with behind a node, -1 being the root: the one drawn there, or a draft within the thresholds. */
  #tokenAfter(
    { segment: { start, tokens }, tree, depths, root }: SegmentLayout,
    { params, seed: { low, high } }: SequenceSampling,
    node: number,
    drawn: Drawn,
  ): number {
    const output = root + 1 + node, token = drawn.tokenAt(output), { acceptThresholds } = this.#rules;
    if (acceptThresholds === undefined || tree.tokens.length === 0 || params.temperature === 0) return token;
    const { top } = drawn.logprobAt(output, { numTop: maxTopLogprobs });
    const probabilities = filteredProbabilities(top, params);
    const children = childrenOf(tree, node).map((child) => {
      const token = tree.tokens[child]!;
      return { token, probability: probabilities.get(token) ?? 0 };
    });
    const position = start + tokens.length + (node < 0 ? 0 : depths[node]!);
    const uniform = uniformOf(low ^ Math.imul(high, 0x27d4eb2f), position);
    return acceptByThreshold(token, children, acceptThresholds, uniform);
  }

  /** Adds the copies that make accepted nodes follow the segment's rows without gaps; a chain needs none. */
  #addCopies(
    { segment: { start, tokens, pages } }: SegmentLayout,
    accepted: Int32Array,
    copies: { readonly from: number[]; readonly to: number[] },
  ): void {
    const end = start + tokens.length, { pageSize } = this.#rules;
    accepted.forEach((node, i) => {
      if (node === i) return;
      copies.from.push(slotAt(pages, end + node, pageSize));
      copies.to.push(slotAt(pages, end + i, pageSize));
    });
  }
}

/** Hidden states of a segment's wanted rows, then of the accepted drafts; undefined if none are wanted. */
function statesOf(
  { segment: { hiddenStates: wanted }, firstState, root }: SegmentLayout,
  accepted: Int32Array,
  read: StateReader,
): Float32Array | undefined {
  if (wanted === undefined) return undefined;
  const rows = read(firstState, wanted.numRows), width = rows.length / wanted.numRows;
  if (accepted.length === 0) return rows;
  const all = new Float32Array(rows.length + accepted.length * width);
  all.set(rows);
  accepted.forEach((node, i) => all.set(read(root + 1 + node, 1), rows.length + i * width));
  return all;
}
