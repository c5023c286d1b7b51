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
  type Shape,
  shapeArgs,
  shapeName,
} from "../../support/law.ts";
import { needsModel } from "../../support/model_file.ts";
import { writeTinyHead } from "../../support/tiny_head.ts";

const { ignore, path } = needsModel();
const MAX_TOKENS = 128;
const PROMPTS_PER_SET = 6;

let plain: Promise<{ setting: Setting; expected: GenerationUpdate[] }> | undefined;

/**
 * Which laws are checked. By default three. `deno task test:laws` checks `all`: every proposer with every shape, every
 * prompt greedy and sampled, which takes the better part of an hour. Its `short` form, for CI, has every proposer and
 * every shape once.
 */
const laws = Deno.env.get("AERIE_LAWS");

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
      return (laws === "all" ? ways : [ways[seed % 2]!])
        .map((way) => ({ prompt: [...prompt], sampling: { ...way, maxTokens: MAX_TOKENS } }));
    });
    const setting = { target, cases };
    return { setting, expected: await runPlain(setting, { maxTotalTokens: 16384 }) };
  })();
}

/** Flags of a proposer, some of which need files in a folder of their own. */
type Args = Partial<ServerArgs> | ((folder: string) => Promise<Partial<ServerArgs>>);

function law(name: string, args: Args, leastAcceptLength: number, shape?: Shape): void {
  Deno.test({
    name: `the law holds on the real model for ${name}`,
    ignore,
    async fn() {
      const { setting, expected } = await realSetting();
      const folder = await Deno.makeTempDir();
      const limits = { maxRunningRequests: 8, maxTotalTokens: 16384 };
      const own = { ...(typeof args === "function" ? await args(folder) : args), ...shapeArgs(shape) };
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
const EAGLE2 = {
  speculativeAlgorithm: "EAGLE",
  speculativeDraftModelPath: "heads/eagle2-smollm2-135m",
  speculativeTokenMap: "heads/token-map-smollm2-135m/freq_16384.json",
};

if (laws !== "short") {
  law("EAGLE3, trees automatic", EAGLE3, 1);
  law("EAGLE3, trees 3/4/16", EAGLE3, 1.2, [3, 4, 16]);
  law("NGRAM, 4 levels", { ...NGRAM, speculativeNumSteps: 4, speculativeEagleTopk: 2 }, 1.05);
}

/** A head of the target's size that knows nothing. */
async function randomMtpHead(folder: string): Promise<Partial<ServerArgs>> {
  const { setting: { target: { checkpoint } } } = await realSetting();
  await writeTinyHead(folder, { kind: "mtp", seed: 6, target: checkpoint.config });
  return { speculativeAlgorithm: "NEXTN", speculativeDraftModelPath: folder };
}

const PROPOSERS: readonly (readonly [name: string, args: Args])[] = [
  ["EAGLE3", EAGLE3],
  ["EAGLE with hot tokens", EAGLE2],
  ["NGRAM", NGRAM],
  ["STANDALONE", { speculativeAlgorithm: "STANDALONE", speculativeDraftModelPath: path }],
  ["SYNTHETIC", { speculativeAlgorithm: "SYNTHETIC", speculativeSyntheticAcceptance: [0.8, 0.6] }],
  ["NEXTN", randomMtpHead],
];

if (laws === "all" || laws === "short") {
  const shapes = [undefined, ...commonShapes];
  for (const [at, [name, args]] of PROPOSERS.entries()) {
    for (const shape of laws === "all" ? shapes : [shapes[at % shapes.length]]) {
      law(`${name}, trees ${shapeName(shape)}, of all`, args, 1, shape);
    }
  }
}
