/**
 * The real default model against greedy continuations made by an independent float32 implementation from the same
 * file: `tests/golden/smollm2-135m.jsonl`, one object per prompt with `prompt` and `greedy` token ids and `top2`, the
 * two largest logits at each position of `greedy`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { needsModel } from "../../support/model_file.ts";
import { verifierConfig } from "../../support/models.ts";
import { startOf, VerifierBench } from "../../support/verifier_bench.ts";

interface Golden {
  readonly prompt: readonly number[];
  readonly greedy: readonly number[];
  readonly top2: readonly (readonly [first: TokenLogit, second: TokenLogit])[];
}

type TokenLogit = readonly [token: number, logit: number];

const golden = readFileSync(new URL("../../golden/smollm2-135m.jsonl", import.meta.url), "utf8")
  .trim().split("\n").map((line): Golden => JSON.parse(line));

/** A position of a continuation: the reference's two best, and the verifier's logprobs. */
interface Position {
  readonly reference: Golden["top2"][number];
  readonly top: readonly TokenLogit[];
}

/** Feeds prompt and reference continuation, so that an early difference does not spread. */
function teacherForced(bench: VerifierBench, { prompt, greedy, top2 }: Golden): Position[] {
  const tokens = [...prompt, ...greedy], numRows = greedy.length;
  const segment = {
    requestId: "golden",
    tokens: Int32Array.from(tokens.slice(0, -1)),
    start: 0,
    pages: Int32Array.from({ length: Math.ceil(tokens.length / 16) }, (_, i) => i),
    sample: false,
    promptLogprobs: { numRows, nextTokens: Int32Array.from(greedy) },
  };
  const [result] = bench.forward([startOf("golden", { numLogprobs: 5 }, tokens)], [segment]);
  return result!.promptLogprobs!.map(({ top }, i) => ({ reference: top2[i]!, top }));
}

const { ignore, path } = needsModel();

for (const kvDtype of ["bfloat16", "float32"] as const) {
  Deno.test({
    name: `the default model agrees with the golden continuations, ${kvDtype} KV`,
    ignore,
    async fn(t) {
      const { checkpoint } = await openCheckpoint(await resolveModel(path));
      using bench = new VerifierBench(verifierConfig(checkpoint, { kvDtype, maxOutputs: 64 }));
      const positions = golden.flatMap((entry) => teacherForced(bench, entry));
      const agrees = ({ reference, top }: Position) => top[0]![0] === reference[0][0];
      const gapOf = ({ reference: [first, second] }: Position) => first[1] - second[1];
      const errors = positions.flatMap((position) => {
        const [first, second] = position.reference.map(([token]) =>
          position.top.find(([id]) => id === token)?.[1]
        );
        return first === undefined || second === undefined
          ? []
          : [Math.abs(first - second - gapOf(position))];
      });
      const numAgreed = positions.filter(agrees).length;
      const meanError = errors.reduce((sum, error) => sum + error, 0) / errors.length;
      const summary = `${numAgreed} of ${positions.length} agree, mean error of the gap ${
        meanError.toFixed(3)
      }`;
      await t.step(summary, () => {
        assert.equal(positions.length, golden.reduce((sum, { greedy }) => sum + greedy.length, 0));
        assert.ok(numAgreed >= 0.97 * positions.length, summary);
        assert.ok(meanError < 0.2, summary);
      });
      await t.step("where the reference is sure, the choice is the same", () => {
        const sure = positions.filter((position) => gapOf(position) > 0.5);
        assert.ok(sure.length > 300);
        assert.deepEqual(sure.filter((position) => !agrees(position)), []);
      });
    },
  });
}
