/**
 * The law of speculation on the real model, with real prompts and whatever heads are shipped for it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { promptsOf } from "../../../bench/support/prompt_sets.ts";
import type { ServerArgs } from "../../../runtime/contracts/server_args.ts";
import type { GenerationUpdate } from "../../../runtime/contracts/generation.ts";
import { loadTokenizer } from "../../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import {
  type Case,
  checkLaw,
  commonShapes,
  runPlain,
  type Setting,
  shapeArgs,
  shapeName,
} from "../../support/law.ts";
import { needsModel } from "../../support/model_file.ts";
import { writeTinyHead } from "../../support/tiny_head.ts";

const { ignore, path } = needsModel();
const MAX_TOKENS = 128;
const PROMPTS_PER_SET = 6;

let plain: Promise<{ setting: Setting; expected: GenerationUpdate[] }> | undefined;

/** Every proposer and shape, every prompt greedy and sampled, which takes the better part of an hour: `deno task test:laws`. */
const isForAll = Deno.env.get("AERIE_LAWS") === "all";

/** Prompts of every set, if not both ways then every other one sampled, with what the model says to each by itself. */
function realSetting() {
  return plain ??= (async () => {
    const target = await openCheckpoint(await resolveModel(path));
    const tokenizer = loadTokenizer(target.tokenizerSource);
    const prompts = await Promise.all(
      ["mt_bench", "gsm8k", "humaneval", "alpaca"].map((name) => promptsOf(name, PROMPTS_PER_SET, tokenizer)),
    );
    const cases = prompts.flat().flatMap((prompt, seed): Case[] => {
      const ways = [{ temperature: 0 }, { temperature: 0.8, topP: 0.9, seed }];
      return (isForAll ? ways : [ways[seed % 2]!])
        .map((way) => ({ prompt: [...prompt], sampling: { ...way, maxTokens: MAX_TOKENS } }));
    });
    const setting = { target, cases };
    return { setting, expected: await runPlain(setting, { maxTotalTokens: 16384 }) };
  })();
}

function law(
  name: string,
  args: Partial<ServerArgs> | ((folder: string) => Promise<Partial<ServerArgs>>),
  leastAcceptLength: number,
): void {
  Deno.test({
    name: `the law holds on the real model for ${name}`,
    ignore,
    async fn() {
      const { setting, expected } = await realSetting();
      const folder = await Deno.makeTempDir();
      const limits = { maxRunningRequests: 8, maxTotalTokens: 16384 };
      const own = typeof args === "function" ? await args(folder) : args;
      const { verifications, accepted, cached } = await checkLaw(setting, expected, { ...limits, ...own });
      const acceptLength = 1 + accepted / verifications;
      assert.ok(acceptLength >= leastAcceptLength, `accept length ${acceptLength}`);
      assert.ok(cached > 1000, `${cached} cached`);
      await Deno.remove(folder, { recursive: true });
    },
  });
}

const EAGLE3 = { speculativeAlgorithm: "EAGLE3", speculativeDraftModelPath: "heads/eagle3-smollm2-135m" };
const NGRAM = { speculativeAlgorithm: "NGRAM" };
law("EAGLE3, trees automatic", EAGLE3, 1);
law("EAGLE3, trees 3/4/16", { ...EAGLE3, ...shapeArgs([3, 4, 16]) }, 1.2);
law("NGRAM, 4 levels", { ...NGRAM, speculativeNumSteps: 4, speculativeEagleTopk: 2 }, 1.05);

/** A head of the target's size that knows nothing. */
async function randomMtpHead(folder: string): Promise<Partial<ServerArgs>> {
  const { setting: { target: { checkpoint } } } = await realSetting();
  await writeTinyHead(folder, { kind: "mtp", seed: 6, target: checkpoint.config });
  return { speculativeAlgorithm: "NEXTN", speculativeDraftModelPath: folder };
}

if (isForAll) {
  for (const shape of [undefined, ...commonShapes]) {
    const trees = `trees ${shapeName(shape)}, of all`, tree = shapeArgs(shape);
    law(`EAGLE3, ${trees}`, { ...EAGLE3, ...tree }, 1);
    const eagle2 = {
      speculativeAlgorithm: "EAGLE",
      speculativeDraftModelPath: "heads/eagle2-smollm2-135m",
      speculativeTokenMap: "heads/token-map-smollm2-135m/freq_16384.json",
    };
    law(`EAGLE with hot tokens, ${trees}`, { ...eagle2, ...tree }, 1);
    law(`NGRAM, ${trees}`, { ...NGRAM, ...tree }, 1);
    const standalone = { speculativeAlgorithm: "STANDALONE", speculativeDraftModelPath: path };
    law(`STANDALONE, ${trees}`, { ...standalone, ...tree }, 1);
    const synthetic = { speculativeAlgorithm: "SYNTHETIC", speculativeSyntheticAcceptance: [0.8, 0.6] };
    law(`SYNTHETIC, ${trees}`, { ...synthetic, ...tree }, 1);
    law(`NEXTN, ${trees}`, async (folder) => ({ ...await randomMtpHead(folder), ...tree }), 1);
  }
}
