/**
 * The halves of a constrained forward: what the matcher is asked, and what becomes of its trees and masks.
 *
 * @module
 */
import assert from "node:assert/strict";
import { chainOf, emptyTree } from "../../../runtime/contracts/draft_tree.ts";
import { InvalidRequestError, toWireError } from "../../../runtime/contracts/errors.ts";
import { defaultSamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import type { Masked } from "../../../runtime/messages/matcher.ts";
import type { Forward, Segment } from "../../../runtime/messages/scheduler_verifier.ts";
import { SequenceSampling } from "../../../runtime/sampling/sequence_sampling.ts";
import { ConstrainedForward, constrainedSegments } from "../../../runtime/speculation/constrained_forward.ts";

const RULES = { pageSize: 4 };
const PROMPT = [1, 2];

/** Sequences by their names: those that begin with `c` are constrained. */
function samplingsOf(output: readonly number[]): (requestId: string) => SequenceSampling {
  const samplings = new Map<string, SequenceSampling>();
  return (requestId) => {
    const known = samplings.get(requestId) ?? new SequenceSampling({
      requestId,
      sampling: { ...defaultSamplingParams, temperature: 0 },
      tokens: Int32Array.from([...PROMPT, ...output]),
      numPromptTokens: PROMPT.length,
      ...(requestId.startsWith("c") && { isConstrained: true }),
    }, []);
    samplings.set(requestId, known);
    return known;
  };
}

function segmentOf(requestId: string, rest: Partial<Segment> = {}): Segment {
  const base = { requestId, tokens: Int32Array.of(5), start: 2, pages: Int32Array.of(7, 3, 9) };
  return { ...base, sample: true, ...rest };
}

const treeOf = (...tokens: number[]) =>
  chainOf(Int32Array.from(tokens), new Float32Array(tokens.length).fill(0.5));

function forwardOf(...segments: Segment[]): Forward {
  return { type: "forward", step: 7, starts: [], segments };
}

function masked(...sequences: Masked["sequences"]): Masked {
  return { type: "masked", step: 7, sequences, words: new Uint32Array(4) };
}

const masksOf = (rows: number[], mustEnd: number[] = rows.map(() => 0)) => ({
  rows: Int32Array.from(rows),
  mustEnd: Uint8Array.from(mustEnd),
});

/** None is wanted. */
const noStates = () => {
  throw new Error("Cannot read hidden states");
};

/** Draws these tokens, by output. */
const drawing = (...tokens: number[]) => ({
  tokenAt: (output: number) => tokens[output]!,
  logprobAt: (_: number, __: unknown, token = 0) => ({ token, logprob: -1, top: [] }),
});

Deno.test("constrained segments are those of constrained sequences that are drawn for", () => {
  const forward = forwardOf(segmentOf("free"), segmentOf("c1"), segmentOf("c2", { sample: false }));
  assert.deepEqual(constrainedSegments(forward, samplingsOf([])), [1]);
});

Deno.test("the matcher is asked with the drafts and the output that it has not been sent", () => {
  const samplingOf = samplingsOf([8, 9]);
  const ask = (rest: Partial<Segment>) => {
    const forward = forwardOf(segmentOf("free"), segmentOf("c1", rest));
    return new ConstrainedForward(forward, [1], samplingOf).match;
  };
  const tree = treeOf(10, 11);
  assert.deepEqual(ask({ tree, maxNodes: 6 }), {
    type: "match",
    step: 7,
    requests: [{ requestId: "c1", numBefore: 0, tokens: Int32Array.of(8, 9), tree, maxNodes: 6 }],
  });
  for (const token of [20, 21]) samplingOf("c1").append(token);
  assert.deepEqual(ask({}).requests, [
    { requestId: "c1", numBefore: 2, tokens: Int32Array.of(20, 21), tree: emptyTree, maxNodes: 0 },
  ]);
  assert.deepEqual(ask({}).requests[0]!.tokens, new Int32Array(0));
});

Deno.test("the refined tree is what is run, drawn under its masks and answered", () => {
  const samplingOf = samplingsOf([]);
  const forward = forwardOf(segmentOf("free", { tree: treeOf(30) }), segmentOf("c1", { tree: treeOf(10) }));
  const refined = new ConstrainedForward(forward, [1], samplingOf).refine(
    { type: "refined", step: 7, trees: [treeOf(40, 41)] },
    RULES,
  );
  const masks = refined.masksOf(masked(masksOf([2, -1, 0], [0, 0, 1])));
  const outputs = refined.verification.outputsUnder(masks);
  assert.deepEqual(outputs.map(({ drafts = [], mask, mustEnd }) => [drafts, mask, mustEnd]), [
    [[], undefined, undefined],
    [[30], undefined, undefined],
    [[], 2, false],
    [[40], -1, false],
    [[40, 41], 0, true],
  ]);
  const { results } = refined.conclude(drawing(30, 31, 40, 41, 42), noStates, masks);
  assert.deepEqual(results.map(({ tokens, accepted }) => [[...tokens], [...accepted]]), [
    [[30, 31], [0]],
    [[40, 41, 42], [0, 1]],
  ]);
  assert.deepEqual(results.map(({ tree }) => tree?.tokens), [undefined, Int32Array.of(40, 41)]);
  assert.deepEqual(samplingOf("c1").takeOutput(), { numBefore: 0, tokens: Int32Array.of(40, 41, 42) });
});

Deno.test("a sequence whose matcher is lost, or whose mask lets nothing come, gets an error and no tokens", () => {
  const samplingOf = samplingsOf([]);
  const forward = forwardOf(segmentOf("c1"), segmentOf("c2"), segmentOf("c3"));
  const refined = new ConstrainedForward(forward, [0, 1, 2], samplingOf).refine(
    { type: "refined", step: 7, trees: [emptyTree, emptyTree, emptyTree] },
    RULES,
  );
  const error = toWireError(new InvalidRequestError("Cannot go on: its matcher is lost"));
  const masks = refined.masksOf(masked({ ...masksOf([]), error }, masksOf([0]), masksOf([1])));
  const { results } = refined.conclude(drawing(9, -1, 11), noStates, masks);
  assert.deepEqual(results.map(({ tokens }) => [...tokens]), [[], [], [11]]);
  assert.equal(results[0]!.error, error);
  assert.equal(results[1]!.error?.code, "invalid_request");
  assert.equal(results[2]!.error, undefined);
  for (const [requestId, length] of [["c1", 0], ["c2", 0], ["c3", 1]] as const) {
    assert.equal(samplingOf(requestId).takeOutput().tokens.length, length);
  }
});
