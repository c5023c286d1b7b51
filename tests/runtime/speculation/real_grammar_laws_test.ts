/**
 * The law of speculation under grammars on the real model, for the tasks `test:laws` and `test:laws:short`: schemas of
 * `bench:constrained` and a grammar of every other kind, with the proposers that draft for it best.
 *
 * @module
 */
import assert from "node:assert/strict";
import { jsonRequests } from "../../../bench/support/json_schemas.ts";
import type { GenerationUpdate } from "../../../runtime/contracts/generation.ts";
import type { ServerArgs } from "../../../runtime/contracts/server_args.ts";
import { loadTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { GRAMMAR_CASES } from "../../support/grammar_cases.ts";
import { type Case, checkLaw, runPlain, type Setting, type Shape, shapeArgs } from "../../support/law.ts";
import { needsModel } from "../../support/model_file.ts";

const { ignore, path } = needsModel();
const laws = Deno.env.get("AERIE_LAWS");
/** Of the schemas every so many-th is used. */
const STEP = laws === "all" ? 1 : 4;

let plain: Promise<{ setting: Setting; expected: GenerationUpdate[] }> | undefined;

/** Requests by turns greedy and sampled, with what the model says to each by itself. */
function realSetting() {
  return plain ??= (async () => {
    const target = await openCheckpoint(await resolveModel(path));
    const tokenizer = loadTokenizer(target.tokenizerSource);
    const requests = (await jsonRequests(tokenizer)).filter((_, i) => i % STEP === 0);
    const prompt = await tokenizer.renderChat([{ role: "user", content: "Say it as you are told." }]);
    const all = [
      ...requests.map(({ promptTokens, constraint }) => ({ promptTokens, constraint })),
      ...GRAMMAR_CASES.slice(3).map(({ constraint }) => ({ promptTokens: prompt, constraint })),
    ];
    const cases = all.map(({ promptTokens, constraint }, seed): Case => ({
      prompt: [...promptTokens],
      sampling: {
        ...(seed % 2 === 0 ? { temperature: 0 } : { temperature: 0.8, topP: 0.9, seed }),
        maxTokens: 96,
      },
      constraint,
    }));
    const setting = { target, cases };
    return { setting, expected: await runPlain(setting, { maxTotalTokens: 16384 }) };
  })();
}

function law(name: string, args: Partial<ServerArgs>, leastAcceptLength: number, shape?: Shape): void {
  Deno.test({
    name: `the law holds under grammars on the real model for ${name}`,
    ignore,
    async fn() {
      const { setting, expected } = await realSetting();
      const limits = { maxRunningRequests: 8, maxTotalTokens: 16384 };
      const { verifications, accepted } = await checkLaw(setting, expected, {
        ...limits,
        ...args,
        ...shapeArgs(shape),
      });
      const acceptLength = 1 + accepted / verifications;
      assert.ok(acceptLength >= leastAcceptLength, `accept length ${acceptLength}`);
    },
  });
}

const EAGLE3 = { speculativeAlgorithm: "EAGLE3", speculativeDraftModelPath: "heads/eagle3-smollm2-135m" };

if (laws === "all" || laws === "short") {
  law("EAGLE3, trees 3/4/16", EAGLE3, 1.5, [3, 4, 16]);
  law("EAGLE3, trees automatic", EAGLE3, 1.2);
  law("NGRAM", { speculativeAlgorithm: "NGRAM" }, 1.3);
  law("STANDALONE", { speculativeAlgorithm: "STANDALONE", speculativeDraftModelPath: path }, 1.5);
}
