/**
 * What a sequence's history and parameters change in its logits.
 *
 * @module
 */
import assert from "node:assert/strict";
import { defaultSamplingParams, type SamplingParams } from "../../../runtime/contracts/sampling_params.ts";
import type { LogitChange } from "../../../ffi/sampler.ts";
import { SequenceSampling } from "../../../runtime/sampling/sequence_sampling.ts";

const EOS = 90;

function sequence(sampling: Partial<SamplingParams>, tokens: readonly number[], numPromptTokens: number) {
  const start = {
    requestId: "r",
    sampling: { ...defaultSamplingParams, ...sampling },
    tokens: Int32Array.from(tokens),
    numPromptTokens,
  };
  return new SequenceSampling(start, [EOS]);
}

function byToken(changes: readonly LogitChange[]): LogitChange[] {
  assert.equal(new Set(changes.map(({ token }) => token)).size, changes.length, "one change per token");
  return changes.toSorted((a, b) => a.token - b.token);
}

const seen = (token: number, count: number, bias = 0) => ({ token, seen: true, count, bias });
const biased = (token: number, bias: number) => ({ token, seen: false, count: 0, bias });

Deno.test("plain sampling changes nothing, however long the history", () => {
  const plain = sequence({ temperature: 0.7, topP: 0.9 }, [1, 2, 3, 4], 2);
  plain.append(5);
  assert.deepEqual(plain.logitChanges(), []);
});

for (const penalty of [{ frequencyPenalty: 0.5 }, { presencePenalty: -1 }, { repetitionPenalty: 1.1 }]) {
  Deno.test(`prompt tokens are seen, only output tokens are counted: ${JSON.stringify(penalty)}`, () => {
    const penalised = sequence(penalty, [7, 8, 7, 9], 3);
    assert.deepEqual(byToken(penalised.logitChanges()), [seen(7, 0), seen(8, 0), seen(9, 1)]);
    penalised.append(7);
    penalised.append(9);
    assert.deepEqual(byToken(penalised.logitChanges()), [seen(7, 1), seen(8, 0), seen(9, 2)]);
  });
}

Deno.test("a sequence restarted after a preemption has the adjustments it would have had", () => {
  const params = { frequencyPenalty: 0.5, minTokens: 3, logitBias: [[4, 2]] as const };
  const prompt = [1, 2], output = [4, 4, 2, 6];
  const whole = sequence(params, prompt, 2);
  output.forEach((token, i) => {
    whole.append(token);
    const restarted = sequence(params, [...prompt, ...output.slice(0, i + 1)], 2);
    assert.deepEqual(byToken(restarted.logitChanges()), byToken(whole.logitChanges()));
  });
});

Deno.test("bias is added to seen and unseen tokens alike", () => {
  const both = sequence({ presencePenalty: 1, logitBias: [[3, -100], [1, 5]] }, [1, 2], 1);
  assert.deepEqual(byToken(both.logitChanges()), [seen(1, 0, 5), seen(2, 1), biased(3, -100)]);
  assert.deepEqual(byToken(sequence({ logitBias: [[3, -100]] }, [1], 1).logitChanges()), [biased(3, -100)]);
});

Deno.test("end and stop tokens are banned until minTokens are out, even against a bias", () => {
  const params = { minTokens: 2, stopTokenIds: [50, 51], logitBias: [[51, 9], [EOS, 9], [1, 1]] as const };
  const held = sequence(params, [1, 2, 3], 3);
  const banned = [biased(1, 1), biased(50, -Infinity), biased(51, -Infinity), biased(EOS, -Infinity)];
  const free = [biased(1, 1), biased(51, 9), biased(EOS, 9)];
  assert.deepEqual(byToken(held.logitChanges()), banned);
  assert.deepEqual(byToken(held.logitChanges({ mustEnd: true })), free, "where only an end may come");
  held.append(4);
  assert.deepEqual(byToken(held.logitChanges()), banned);
  assert.deepEqual(byToken(held.logitChanges({ drafts: [4] })), free);
  held.append(4);
  assert.deepEqual(byToken(held.logitChanges()), free);
});

Deno.test("the output of a constrained sequence is taken once, with the number of tokens before it", () => {
  const start = {
    requestId: "r",
    sampling: defaultSamplingParams,
    tokens: Int32Array.of(1, 2, 3),
    numPromptTokens: 1,
    isConstrained: true,
  };
  const sampling = new SequenceSampling(start, [EOS]);
  assert.deepEqual(sampling.takeOutput(), { numBefore: 0, tokens: Int32Array.of(2, 3) });
  sampling.append(4);
  assert.deepEqual(sampling.takeOutput(), { numBefore: 2, tokens: Int32Array.of(4) });
  assert.deepEqual(sampling.takeOutput(), { numBefore: 3, tokens: new Int32Array(0) });
});
