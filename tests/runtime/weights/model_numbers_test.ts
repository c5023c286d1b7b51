import assert from "node:assert/strict";
import type { ModelConfig, RopeConfig } from "../../../runtime/contracts/checkpoint.ts";
import { impossibleNumber } from "../../../runtime/weights/model_numbers.ts";
import { TINY_CONFIG } from "../../support/tiny_model.ts";

const rope = (change: Partial<RopeConfig>) => ({ rope: { ...TINY_CONFIG.rope, ...change } });

Deno.test("numbers that no model has are named", () => {
  const cases: [Partial<ModelConfig>, RegExp | undefined][] = [
    [{}, undefined],
    [{ rmsNormEps: 1e-12, maxPositionEmbeddings: 10_485_760, ...rope({ theta: 1e8 }) }, undefined],
    [rope({ scaling: { type: "linear", factor: 4 } }), undefined],
    ...[NaN, 0, -1, Infinity, 1e-60].map((rmsNormEps) =>
      [{ rmsNormEps }, /the epsilon of RMS norms/] as const
    ),
    ...[NaN, 0, -1, Infinity, 1e60].map((theta) => [rope({ theta }), /the rotary base/] as const),
    [rope({ scaling: { type: "linear", factor: NaN } }), /factor is NaN/],
    [{ layers: [{ rope: "global" }, { rope: "global", window: 131_072 }], attentionScale: 2e-3 }, undefined],
    ...[0, 0.5, 2 ** 32].map((window) =>
      [{ layers: [{ rope: "global", window }] }, /the window is/] as const
    ),
    ...[NaN, 0, -1, 1e-60].map((attentionScale) => [{ attentionScale }, /the scale of attention/] as const),
    [{ embeddingScale: Infinity }, /the multiplier of embeddings is Infinity/],
    [{ residualScale: -1 }, /the multiplier of residual branches is -1/],
    [{ logitScale: 1e60 }, /the multiplier of logits is 1e\+60/],
    [{ attentionSoftCap: -50 }, /the cap of attention's scores is -50/],
    [{ logitSoftCap: -30 }, /the cap of logits is -30/],
    [{ maxPositionEmbeddings: 2 ** 31 }, /the context length is 2147483648/],
    [{ vocabSize: 0.5 }, /the vocabulary is 0\.5/],
    [{ numKvHeads: 3 }, /4 query heads do not divide among 3/],
    [{ headDim: 15 }, /the head width is 15/],
    [{ numHeads: 2 ** 30, numKvHeads: 2 ** 30 }, /heads of 16 are too wide/],
  ].map(([change, expected]) => [change as Partial<ModelConfig>, expected as RegExp | undefined]);
  for (const [change, expected] of cases) {
    const said = impossibleNumber({ ...TINY_CONFIG, ...change });
    if (expected === undefined) assert.equal(said, undefined);
    else assert.match(said ?? "accepted", expected);
  }
});
