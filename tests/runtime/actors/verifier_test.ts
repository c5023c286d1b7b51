/**
 * The verifier on a tiny model: forwards in, tokens and logprobs out.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Checkpoint } from "../../../runtime/contracts/checkpoint.ts";
import type { TokenLogprob } from "../../../runtime/contracts/outputs.ts";
import type { Segment, SegmentResult } from "../../../runtime/messages/scheduler_verifier.ts";
import type { SamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import { assertEachClose } from "../../support/close.ts";
import { referenceWeights, verifierConfig, withTinyCheckpoint } from "../../support/models.ts";
import { llamaLogits, softmax } from "../../support/reference.ts";
import { startOf, VerifierBench } from "../../support/verifier_bench.ts";

const PROMPT = [5, 42, 130, 7, 256, 99, 18, 301, 64, 77, 140, 33, 2, 8, 19, 250, 61, 12];
const EOS = 17;

function withVerifier(body: (bench: VerifierBench, checkpoint: Checkpoint) => void): Promise<void> {
  return withTinyCheckpoint({ kind: "gguf", seed: 21 }, (checkpoint) => {
    using bench = new VerifierBench(verifierConfig(checkpoint, { eosTokenIds: [EOS] }));
    body(bench, checkpoint);
  });
}

function segmentOf(requestId: string, tokens: readonly number[], start: number, pages: number[]): Segment {
  return { requestId, tokens: Int32Array.from(tokens), start, pages: Int32Array.from(pages), sample: true };
}

/** Generates `count` tokens of one request, prompt in one forward. */
function generate(
  bench: VerifierBench,
  sampling: Partial<SamplingParams>,
  count: number,
  pages = [3, 0, 7],
): number[] {
  const output: number[] = [];
  const step = (tokens: readonly number[], start: number, isFirst: boolean) => {
    const starts = isFirst ? [startOf("alone", sampling, PROMPT)] : [];
    output.push(bench.forward(starts, [segmentOf("alone", tokens, start, pages)])[0]!.tokens[0]!);
  };
  step(PROMPT, 0, true);
  while (output.length < count) step([output.at(-1)!], PROMPT.length + output.length - 1, false);
  bench.release("alone");
  return output;
}

/** Log-probabilities [tokens, vocabSize] by the reference. */
function referenceLogprobs(checkpoint: Checkpoint, tokens: readonly number[], temperature = 1): number[][] {
  const logits = llamaLogits(checkpoint.config, referenceWeights(checkpoint), tokens);
  return logits.map((row) => [...softmax(row.map((value) => value / temperature))].map(Math.log));
}

function assertLogprob(
  { token, logprob, top }: TokenLogprob,
  expected: readonly number[],
  numTop: number,
): void {
  assertEachClose([logprob!], [expected[token]!], 1e-4, `logprob of ${token}`);
  const order = [...expected.keys()].sort((a, b) => expected[b]! - expected[a]!).slice(0, numTop);
  assert.deepEqual(top.map(([id]) => id), order);
  assertEachClose(top.map(([, value]) => value), order.map((id) => expected[id]!), 1e-4, "top");
}

Deno.test("greedy generation follows the reference's argmax", () =>
  withVerifier((bench, checkpoint) => {
    const output = generate(bench, {}, 12);
    const logprobs = referenceLogprobs(checkpoint, [...PROMPT, ...output]);
    const expected = output.map((_, i) => {
      const row = logprobs[PROMPT.length - 1 + i]!;
      return row.indexOf(Math.max(...row));
    });
    assert.deepEqual(output, expected);
    assert.match(bench.info.backend, /^cpu/);
    assert.ok(bench.log.some((line) => line.startsWith("Capture cuda graph end.")));
  }));

Deno.test("a seeded request gets the same tokens alone, among others, chunked and after a preemption", () =>
  withVerifier((bench) => {
    const sampling = {
      temperature: 0.9,
      topP: 0.95,
      seed: 1234,
      frequencyPenalty: 0.4,
      repetitionPenalty: 1.2,
    };
    const expected = generate(bench, sampling, 10);
    assert.notDeepEqual(generate(bench, { ...sampling, seed: 1235 }, 10), expected);
    assert.deepEqual(generate(bench, sampling, 10, [9, 4, 1]), expected);

    // The prompt in chunks beside two others, a preemption after four tokens, everything again in one chunk.
    const output: number[] = [];
    const others = ["b", "c"].map((id) => startOf(id, { temperature: 1, seed: 5 }, PROMPT));
    const beside = (start: number, count: number) => [
      segmentOf("b", PROMPT.slice(start, start + count), start, [10, 11]),
      segmentOf("c", PROMPT.slice(start, start + count), start, [12, 13]),
    ];
    const [b1, c1] = beside(0, 10), [b2, c2] = beside(10, 8);
    const own = (from: number, to: number, sample: boolean) => ({
      ...segmentOf("alone", [...PROMPT, ...output].slice(from, to), from, [14, 15, 16]),
      sample,
    });
    const first = bench.forward([startOf("alone", sampling, PROMPT), ...others], [
      b1!,
      own(0, 7, false),
      c1!,
    ]);
    assert.equal(first[1]!.tokens.length, 0);
    output.push(bench.forward([], [b2!, c2!, own(7, PROMPT.length, true)])[2]!.tokens[0]!);
    while (output.length < 4) {
      const at = PROMPT.length + output.length;
      output.push(bench.forward([], [own(at - 1, at, true)])[0]!.tokens[0]!);
    }
    bench.release("alone");
    const restart = startOf("alone", sampling, PROMPT, output);
    output.push(bench.forward([restart], [own(0, PROMPT.length + 4, true)])[0]!.tokens[0]!);
    while (output.length < 10) {
      const at = PROMPT.length + output.length;
      output.push(bench.forward([], [own(at - 1, at, true)])[0]!.tokens[0]!);
    }
    assert.deepEqual(output, expected);
  }));

Deno.test("logprobs of drawn tokens are those of the distribution at the request's temperature", () =>
  withVerifier((bench, checkpoint) => {
    for (const temperature of [0, 0.7]) {
      const start = startOf("r", { temperature, seed: 3, numLogprobs: 5 }, PROMPT);
      const [result] = bench.forward([start], [segmentOf("r", PROMPT, 0, [1, 2])]);
      const expected = referenceLogprobs(checkpoint, PROMPT, temperature || 1).at(-1)!;
      assert.equal(result!.logprobs!.length, 1);
      assert.equal(result!.logprobs![0]!.token, result!.tokens[0]);
      assertLogprob(result!.logprobs![0]!, expected, 5);
    }
  }));

Deno.test("no logprobs unless asked for; 0 reports the token alone", () =>
  withVerifier((bench) => {
    const run = (numLogprobs: number): SegmentResult =>
      bench.forward([startOf("r", { numLogprobs }, PROMPT)], [segmentOf("r", PROMPT, 0, [1, 2])])[0]!;
    assert.equal(run(-1).logprobs, undefined);
    assert.deepEqual(run(0).logprobs![0]!.top, []);
  }));

Deno.test("prompt logprobs are the model's own, whatever the sampling parameters", () =>
  withVerifier((bench, checkpoint) => {
    const expected = referenceLogprobs(checkpoint, PROMPT);
    const plain = { numLogprobs: 3, promptLogprobStart: 0 };
    const bent = { ...plain, temperature: 0.3, repetitionPenalty: 1.9, logitBias: [[42, 50]] as const };
    for (const sampling of [plain, bent]) {
      // The prompt's last row is the sampled one; of those before it the last six are wanted.
      const promptLogprobs = { numRows: 6, nextTokens: Int32Array.from(PROMPT.slice(-6)) };
      const wanted = { ...segmentOf("r", PROMPT, 0, [1, 2]), promptLogprobs };
      const [result] = bench.forward([startOf("r", sampling, PROMPT)], [wanted]);
      assert.deepEqual(result!.promptLogprobs!.map(({ token }) => token), PROMPT.slice(-6));
      result!.promptLogprobs!.forEach((logprob, i) =>
        assertLogprob(logprob, expected[PROMPT.length - 7 + i]!, 3)
      );
    }
  }));

Deno.test("tokens asked for by id have the logprobs of the distribution, in prompt and output", () =>
  withVerifier((bench, checkpoint) => {
    const ids = [0, 301, 42, 5],
      promptLogprobs = { numRows: 4, nextTokens: Int32Array.from(PROMPT.slice(-4)) };
    for (const temperature of [0, 0.7]) {
      const sampling = { temperature, seed: 3, numLogprobs: 2, promptLogprobStart: 0, logprobTokens: ids };
      const wanted = { ...segmentOf("r", PROMPT, 0, [1, 2]), promptLogprobs };
      const [result] = bench.forward([startOf("r", sampling, PROMPT)], [wanted]);
      const drawn = referenceLogprobs(checkpoint, PROMPT, temperature || 1).at(-1)!;
      assertEachClose(result!.logprobs![0]!.chosen!, ids.map((id) => drawn[id]!), 1e-4, "drawn");
      const known = referenceLogprobs(checkpoint, PROMPT);
      result!.promptLogprobs!.forEach(({ chosen, rank }, i) => {
        const row = known[PROMPT.length - 5 + i]!;
        assertEachClose(chosen!, ids.map((id) => row[id]!), 1e-4, `prompt ${i}`);
        assert.equal(rank, undefined);
      });
    }
    const banned = { temperature: 1, numLogprobs: 0, logprobTokens: [EOS], minTokens: 3 };
    const [result] = bench.forward([startOf("b", banned, PROMPT)], [segmentOf("b", PROMPT, 0, [1, 2])]);
    assert.deepEqual(result!.logprobs![0]!.chosen, [-Infinity]);
  }));

Deno.test("ranks of prompt tokens count the tokens that are more probable, reported or not", () =>
  withVerifier((bench, checkpoint) => {
    const numRows = PROMPT.length - 1, nextTokens = Int32Array.from(PROMPT.slice(1));
    const reference = referenceLogprobs(checkpoint, PROMPT);
    const expected = [...nextTokens].map((token, i) =>
      1 + reference[i]!.filter((logprob) => logprob > reference[i]![token]!).length
    );
    for (const numPromptLogprobs of [0, 20]) {
      const sampling = { promptLogprobStart: 0, numPromptLogprobs, promptRanks: true };
      const wanted = { ...segmentOf("r", PROMPT, 0, [1, 2]), promptLogprobs: { numRows, nextTokens } };
      const [result] = bench.forward([startOf("r", sampling, PROMPT)], [wanted]);
      assert.equal(result!.logprobs, undefined, "of the prompt alone");
      assert.deepEqual(result!.promptLogprobs!.map(({ rank }) => rank), expected);
      assert.ok(result!.promptLogprobs!.every(({ top }) => top.length === numPromptLogprobs));
    }
  }));

Deno.test("end tokens are held back until minTokens, bias forces and bans", () =>
  withVerifier((bench) => {
    const forced = { logitBias: [[EOS, 1000]] as const };
    assert.deepEqual(generate(bench, forced, 3), [EOS, EOS, EOS]);
    const held = generate(bench, { ...forced, minTokens: 2 }, 4);
    assert.ok(!held.slice(0, 2).includes(EOS), `${held}`);
    assert.deepEqual(held.slice(2), [EOS, EOS]);
    const [first] = generate(bench, {}, 1);
    assert.notEqual(generate(bench, { logitBias: [[first!, -1000]] }, 1)[0], first);
  }));

Deno.test("a segment of a request that was not started or was released is refused", () =>
  withVerifier((bench) => {
    const segment = segmentOf("ghost", [1], 0, [0]);
    assert.throws(() => bench.forward([], [segment]), /Cannot run segment: ghost was not started/);
    bench.forward([startOf("ghost", {}, [1])], [segment]);
    bench.release("ghost");
    assert.throws(() => bench.forward([], [segment]), /ghost/);
    assert.equal(generate(bench, {}, 2).length, 2);
  }));
