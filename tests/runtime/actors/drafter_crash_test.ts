/**
 * What becomes of requests when the drafter throws.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ActorCrashedError } from "../../../runtime/contracts/errors.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { alwaysRight, scriptedDrafter } from "../../support/drafters.ts";
import { start } from "../../support/law.ts";
import { collect, requestOf } from "../../support/test_engine.ts";
import { writeTinyModel } from "../../support/tiny_model.ts";

Deno.test("a crash of the drafter fails every live request, and later ones, with a typed error", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const config = { numHeads: 4, numKvHeads: 2, headDim: 32 };
    const path = await writeTinyModel(folder, { kind: "gguf", seed: 1, config });
    const target = await openCheckpoint(await resolveModel(path));
    const crashes: ActorCrashedError[] = [];
    let numDrafts = 0;
    const drafter = () =>
      scriptedDrafter(() => [1, 1, 1, 1], (request, truth) => {
        if (++numDrafts === 7) throw new Error("no tree");
        return alwaysRight(request, truth);
      });
    const args = { speculativeAlgorithm: "NGRAM", speculativeNumSteps: 3 };
    await using engine = await start({ target }, args, {
      parts: { drafter },
      onCrash: (error) => void crashes.push(error),
    });
    const sampling = { maxTokens: 100, ignoreEos: true };
    const outcomes = await Promise.allSettled(
      ["a", "b"].map((requestId) => collect(engine.generate(requestOf(requestId, [1], sampling)))),
    );
    for (const outcome of outcomes) {
      assert.equal(outcome.status, "rejected");
      assert.equal(outcome.reason.code, "actor_crashed");
      assert.equal(outcome.reason.message, "Actor drafter crashed: no tree");
    }
    assert.equal(engine.ready, false);
    assert.deepEqual(crashes.map(({ details }) => details.actor), ["drafter"]);
    await assert.rejects(collect(engine.generate(requestOf("late", [1]))), { code: "unavailable" });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
