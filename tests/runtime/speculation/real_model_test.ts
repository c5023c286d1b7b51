/**
 * The law of speculation on the real model, with real prompts and whatever heads are shipped for it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { promptsOf } from "../../../bench/support/prompt_sets.ts";
import type { ServerArgs } from "../../../runtime/config.ts";
import type { GenerationUpdate } from "../../../runtime/generation.ts";
import { loadTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { type Case, checkLaw, runPlain, type Setting } from "../../support/law.ts";
import { needsModel } from "../../support/model_file.ts";

const { ignore, path } = needsModel();
const MAX_TOKENS = 128;
const PROMPTS_PER_SET = 6;

let plain: Promise<{ setting: Setting; expected: GenerationUpdate[] }> | undefined;

/** Prompts of every set, every other one sampled, with what the model says to each by itself. */
function realSetting() {
  return plain ??= (async () => {
    const target = await openCheckpoint(await resolveModel(path));
    const tokenizer = loadTokenizer(target.tokenizerSource);
    const prompts = ["mt_bench", "gsm8k", "humaneval", "alpaca"].flatMap((name) =>
      promptsOf(name, PROMPTS_PER_SET, tokenizer)
    );
    const cases = prompts.map((prompt, seed): Case => ({
      prompt: [...prompt],
      sampling: seed % 2 === 0
        ? { temperature: 0, maxTokens: MAX_TOKENS }
        : { temperature: 0.8, topP: 0.9, seed, maxTokens: MAX_TOKENS },
    }));
    const setting = { target, cases };
    return { setting, expected: await runPlain(setting, { maxTotalTokens: 16384 }) };
  })();
}

function law(name: string, args: Partial<ServerArgs>, leastAcceptLength: number): void {
  const head = args.speculativeDraftModelPath;
  Deno.test({
    name: `the law holds on the real model for ${name}`,
    ignore: ignore || (head !== undefined && !existsSync(head) && !Deno.env.get("CI")),
    async fn() {
      const { setting, expected } = await realSetting();
      const limits = { maxRunningRequests: 8, maxTotalTokens: 16384 };
      const { verifications, accepted, cached } = await checkLaw(setting, expected, { ...limits, ...args });
      const acceptLength = 1 + accepted / verifications;
      assert.ok(acceptLength >= leastAcceptLength, `accept length ${acceptLength}`);
      assert.ok(cached > 1000, `${cached} cached`);
    },
  });
}

const HEAD = { speculativeAlgorithm: "EAGLE3", speculativeDraftModelPath: "heads/eagle3-smollm2-135m" };
law("EAGLE3, adaptive", HEAD, 1);
law("EAGLE3, trees 3/4/16", {
  ...HEAD,
  speculativeNumSteps: 3,
  speculativeEagleTopk: 4,
  speculativeNumDraftTokens: 16,
}, 1.2);
law("NGRAM", { speculativeAlgorithm: "NGRAM", speculativeNumSteps: 4, speculativeEagleTopk: 2 }, 1.05);
