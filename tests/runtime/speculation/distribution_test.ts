/**
 * Sampled text under speculation follows the target's distribution: chi-square over pairs of tokens, with drafters of
 * every kind.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createEngine } from "../../../runtime/engine/engine.ts";
import { openSpeculation } from "../../../runtime/speculation/setup/open_speculation.ts";
import { chainOf } from "../../../runtime/contracts/draft_tree.ts";
import { loadTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { type MakeDraft, scriptedDrafter } from "../../support/drafters.ts";
import { referenceWeights } from "../../support/models.ts";
import { MessageGuard } from "../../support/message_guard.ts";
import { libraryPath } from "../../support/native.ts";
import { llamaLogits, softmax } from "../../support/reference.ts";
import { collect, defaultArgs, requestOf } from "../../support/test_engine.ts";
import { writeTinyModel } from "../../support/tiny_model.ts";

const PROMPT = [5, 42, 130, 7], TOP_K = 4, TEMPERATURE = 1.5, NUM_REQUESTS = 2000;
/** 99.99 % of the chi-square distribution with 15 degrees of freedom lie below. */
const LIMIT = 44.3;

Deno.test("pairs of tokens come as often as the target says, whatever is drafted", async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    const config = { numHeads: 4, numKvHeads: 2, headDim: 32 };
    const path = await writeTinyModel(folder, { kind: "gguf", seed: 12, config });
    const target = await openCheckpoint(await resolveModel(path)), { checkpoint } = target;
    const weights = referenceWeights(checkpoint);
    /** The likeliest tokens after some, with their probabilities among themselves. */
    const nextOf = (tokens: readonly number[]) => {
      const logits = llamaLogits(checkpoint.config, weights, tokens).at(-1)!;
      const best = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, TOP_K);
      return { tokens: best, shares: softmax(best.map((token) => logits[token]! / TEMPERATURE)) };
    };
    // Drafts begin behind the first token, so pairs are those of tokens 2 and 3, where the first is the likeliest.
    const first = nextOf(PROMPT).tokens[0]!;
    const prompt = [...PROMPT, first], next = nextOf(prompt);
    const afterNext = next.tokens.map((token) => nextOf([...prompt, token]));

    const chain = (rank: number, nextRank: number): MakeDraft => () =>
      chainOf(
        Int32Array.of(next.tokens[rank]!, afterNext[rank]!.tokens[nextRank]!),
        Float32Array.of(0.5, 0.25),
      );
    /** Two children of the root, each with two children. */
    const tree: MakeDraft = () => {
      const drafts = [0, 1].map((rank) => next.tokens[rank]!);
      const below = [0, 1].flatMap((rank) => [0, 2].map((other) => afterNext[rank]!.tokens[other]!));
      return {
        tokens: Int32Array.from([...drafts, ...below]),
        parents: Int32Array.of(-1, -1, 0, 0, 1, 1),
        probabilities: new Float32Array(6).fill(0.5),
      };
    };
    for (
      const [name, make] of [["the likeliest chain", chain(0, 0)], ["an unlikely chain", chain(3, 1)], [
        "a tree",
        tree,
      ]] as const
    ) {
      await t.step(name, async () => {
        const args = {
          ...defaultArgs,
          pageSize: 16,
          threads: 1,
          maxTotalTokens: 4096,
          maxQueuedRequests: NUM_REQUESTS,
          speculativeAlgorithm: "NGRAM",
          speculativeNumSteps: 2,
          speculativeEagleTopk: 2,
          speculativeNumDraftTokens: 7,
        };
        const { speculation } = await openSpeculation(args, target);
        await using engine = await createEngine({
          args,
          checkpoint,
          tokenizer: loadTokenizer(target.tokenizerSource, {}),
          speculation,
          libraryPath,
          device: "cpu",
          placement: "inline",
          log: () => {},
        }, { channels: new MessageGuard().channels, drafter: () => scriptedDrafter(() => [], make) });
        const counts = new Map<string, number>();
        let numAccepted = 0;
        const sampling = {
          temperature: TEMPERATURE,
          topK: TOP_K,
          maxTokens: 3,
          ignoreEos: true,
          logitBias: [],
        };
        const updates = await Promise.all(
          Array.from(
            { length: NUM_REQUESTS },
            (_, seed) => collect(engine.generate(requestOf(`r${seed}`, PROMPT, { ...sampling, seed }))),
          ),
        );
        for (const { tokens, usage } of updates) {
          if (tokens[0] !== first) continue;
          const pair = `${tokens[1]} ${tokens[2]}`;
          counts.set(pair, (counts.get(pair) ?? 0) + 1);
          numAccepted += usage.speculation?.numAccepted ?? 0;
        }
        const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
        assert.ok(total > NUM_REQUESTS / 8 && numAccepted > 10, `${total} pairs, ${numAccepted} accepted`);
        let chiSquare = 0, numExpected = 0;
        next.tokens.forEach((token, i) =>
          afterNext[i]!.tokens.forEach((other, j) => {
            const expected = total * next.shares[i]! * afterNext[i]!.shares[j]!;
            const seen = counts.get(`${token} ${other}`) ?? 0;
            numExpected += seen;
            chiSquare += (seen - expected) ** 2 / expected;
          })
        );
        assert.equal(numExpected, total, "only the likeliest tokens come");
        assert.ok(chiSquare < LIMIT, `chi-square ${chiSquare}`);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
