/**
 * Verification of segments with what is drawn given by hand.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { DraftTree } from "../../../runtime/contracts/draft_tree.ts";
import {
  defaultSamplingParams,
  maxTopLogprobs,
  type SamplingParams,
} from "../../../runtime/contracts/sampling_params.ts";
import type { Segment } from "../../../runtime/messages/scheduler_verifier.ts";
import { SequenceSampling } from "../../../runtime/sampling/sequence_sampling.ts";
import { type Drawn, Verification } from "../../../runtime/speculation/verification.ts";

const RULES = { pageSize: 4 };
/** 10 and 11; 20 and 21 below 10; 30 below 21. */
const TREE: DraftTree = {
  tokens: Int32Array.of(10, 11, 20, 21, 30),
  parents: Int32Array.of(-1, -1, 0, 0, 3),
  probabilities: Float32Array.of(.6, .3, .3, .24, .2),
};

function samplingOf(params: Partial<SamplingParams> = {}): SequenceSampling {
  const sampling = { ...defaultSamplingParams, temperature: 0, ...params };
  return new SequenceSampling({ requestId: "r", sampling, tokens: Int32Array.of(1), numPromptTokens: 1 }, []);
}

function segment(rest: Partial<Segment> = {}): Segment {
  const base = { requestId: "r", tokens: Int32Array.of(5), start: 2, pages: Int32Array.of(7, 3, 9) };
  return { ...base, sample: true, ...rest };
}

/** Draws these tokens, by output, each reported with the output it is from. */
function drawing(...tokens: number[]): Drawn & { readonly asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    tokenAt: (output) => tokens[output]!,
    logprobAt(output, _report, token = tokens[output]!) {
      asked.push(output);
      return { token, logprob: -output, top: [] };
    },
  };
}

Deno.test("outputs are prompt tokens, the sampled row and every node, each at the position of the token to draw", () => {
  const of = [samplingOf(), samplingOf()], promptLogprobs = { numRows: 2, nextTokens: Int32Array.of(41, 42) };
  const prompt = segment({ requestId: "p", tokens: Int32Array.of(1, 2, 3), start: 0, promptLogprobs });
  const { outputs } = new Verification(
    [prompt, segment({ tree: TREE })],
    (requestId) => of[requestId === "p" ? 0 : 1]!,
    RULES,
  );
  assert.deepEqual(outputs.map(({ position, target, drafts }) => [position, target, drafts]), [
    [1, 41, undefined],
    [2, 42, undefined],
    [3, -1, undefined],
    [3, -1, undefined],
    [4, -1, [10]],
    [4, -1, [11]],
    [5, -1, [10, 20]],
    [5, -1, [10, 21]],
    [6, -1, [10, 21, 30]],
  ]);
  assert.deepEqual(outputs.map(({ sampling }) => of.indexOf(sampling)), [0, 0, 0, 1, 1, 1, 1, 1, 1]);
  assert.ok(outputs.every(({ numTop = -1 }) => numTop === -1));
});

/** None is wanted. */
const noStates = () => {
  throw new Error("Cannot read hidden states");
};

Deno.test("prompt rows without a sample end before their last token's position", () => {
  const promptLogprobs = { numRows: 2, nextTokens: Int32Array.of(41, 42) };
  const rows = segment({ tokens: Int32Array.of(1, 2, 3), start: 0, sample: false, promptLogprobs });
  const verification = new Verification([rows], () => samplingOf({ numPromptLogprobs: 0 }), RULES);
  assert.deepEqual(verification.outputs.map(({ position }) => position), [2, 3]);
  const { results, copies } = verification.conclude(drawing(41, 42), noStates);
  assert.deepEqual(results, [{
    tokens: new Int32Array(0),
    accepted: new Int32Array(0),
    promptLogprobs: [{ token: 41, logprob: -0, top: [] }, { token: 42, logprob: -1, top: [] }],
  }]);
  assert.deepEqual(copies, { from: new Int32Array(0), to: new Int32Array(0) });
});

Deno.test("the path of what was drawn is accepted, and its KV closes up behind the segment's rows", () => {
  // Root 0, then nodes 0 .. 4 as outputs 1 .. 5.
  const verification = new Verification([segment({ tree: TREE })], () => samplingOf(), RULES);
  const { results, copies } = verification.conclude(drawing(10, 21, 99, 99, 30, 77), noStates);
  assert.deepEqual(results, [{ tokens: Int32Array.of(10, 21, 30, 77), accepted: Int32Array.of(0, 3, 4) }]);
  // Entries 3 + node: 6 and 7 of page 3 to 4 and 5.
  assert.deepEqual(copies, { from: Int32Array.of(14, 15), to: Int32Array.of(12, 13) });
});

Deno.test("copies of several segments come one after another, outputs too", () => {
  const other = segment({ requestId: "o", pages: Int32Array.of(1, 2), tree: TREE });
  const verification = new Verification(
    [segment({ tree: TREE }), segment({ requestId: "plain" }), other],
    () => samplingOf({ numLogprobs: 0 }),
    RULES,
  );
  const drawn = drawing(11, 0, 8, 0, 0, 0, 55, 10, 20, 0, 66, 0, 0);
  const { results, copies } = verification.conclude(drawn, noStates);
  assert.deepEqual(results.map(({ tokens }) => [...tokens]), [[11, 8], [55], [10, 20, 66]]);
  assert.deepEqual(results.map(({ accepted }) => [...accepted]), [[1], [], [0, 2]]);
  assert.deepEqual(drawn.asked, [0, 2, 6, 7, 8, 10], "logprobs are those of the outputs on the path");
  assert.deepEqual(copies, { from: Int32Array.of(12, 9), to: Int32Array.of(31, 8) });
});

Deno.test("a sequence remembers the tokens that were accepted for it", () => {
  const sampling = samplingOf({ frequencyPenalty: 1 });
  new Verification([segment({ tree: TREE })], () => sampling, RULES).conclude(
    drawing(10, 20, 0, 50, 0, 0),
    noStates,
  );
  const counts = sampling.logitChanges().map(({ token, count }) => [token, count]);
  assert.deepEqual(counts, [[1, 0], [10, 1], [20, 1], [50, 1]]);
});

Deno.test("by threshold a draft that is probable enough is accepted though another token was drawn", () => {
  const top = [[10, Math.log(0.5)], [12, Math.log(0.3)], [11, Math.log(0.2)]] as const;
  const drawn: Drawn = {
    tokenAt: () => 12,
    logprobAt: (_output, _report, token = 12) => ({ token, logprob: -1, top }),
  };
  const conclude = (single: number, temperature: number, tree: DraftTree | undefined = TREE) => {
    const verification = new Verification(
      [segment({ ...(tree.tokens.length > 0 && { tree }) })],
      () => samplingOf({ temperature }),
      { ...RULES, acceptThresholds: { single, acc: 1 } },
    );
    const wanted = tree.tokens.length > 0 ? maxTopLogprobs : -1;
    assert.ok(verification.outputs.every(({ numTop }) => numTop === wanted), "enough to know the drafts'");
    const [result] = verification.conclude(drawn, noStates).results;
    return [[...result!.tokens], [...result!.accepted]];
  };
  assert.deepEqual(conclude(0.4, 1), [[10, 12], [0]], "10 is, and of its children none");
  assert.deepEqual(conclude(0.6, 1), [[12], []]);
  assert.deepEqual(conclude(0.4, 0), [[12], []], "greedy text is exact");
  const none = { tokens: new Int32Array(0), parents: new Int32Array(0), probabilities: new Float32Array(0) };
  assert.deepEqual(conclude(0.4, 1, none), [[12], []]);
});

Deno.test("where no token may come the request fails, but not before the drafts that lead there have come", () => {
  const root = new Verification([segment({ tree: TREE })], () => samplingOf(), RULES);
  const { results: [failed] } = root.conclude(drawing(-1, 0, 0, 0, 0, 0), noStates);
  assert.match(failed!.error!.message, /lets no token come/);
  assert.deepEqual([...failed!.tokens], []);

  const sampling = samplingOf({ frequencyPenalty: 1 });
  const behind = new Verification([segment({ tree: TREE })], () => sampling, RULES);
  const { results: [result], copies } = behind.conclude(drawing(10, 21, 0, 0, -1, 0), noStates);
  assert.equal(result!.error, undefined);
  assert.deepEqual([[...result!.tokens], [...result!.accepted]], [[10, 21], [0]]);
  assert.deepEqual([...copies.from], []);
  assert.deepEqual(sampling.logitChanges().filter(({ count }) => count > 0).map(({ token }) => token), [10, 21]);
});
