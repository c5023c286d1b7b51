/**
 * The laws of speculation on tiny models: for drafters that are right, wrong or random, and for every proposer, on any
 * device.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Actor, ActorContext } from "../../runtime/actor/actor.ts";
import { actors } from "../../runtime/actors/registry.ts";
import type { GenerationUpdate } from "../../runtime/contracts/generation.ts";
import type { ServerArgs } from "../../runtime/contracts/server_args.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../runtime/weights/resolve.ts";
import { alwaysRight, alwaysWrong, randomTrees, scriptedDrafter } from "./drafters.ts";
import {
  type Case,
  checkLaw,
  commonShapes,
  runPlain,
  type Setting,
  type Shape,
  shapeArgs,
  shapeName,
} from "./law.ts";
import { writeTinyHead } from "./tiny_head.ts";
import { type TinyModelOptions, writeTinyModel } from "./tiny_model.ts";

/** Common shapes, and small ones. */
export const SHAPES: readonly Shape[] = [...commonShapes, [3, 1, 4], [2, 2, 4]];

/** A prompt that repeats itself. */
export const ONCE: readonly number[] = [20, 45, 300, 12, 20, 45, 300, 12, 77, 20, 45, 300];

/** All kinds of sampling; some prompts begin alike, some repeat themselves. */
export const TINY_CASES: readonly Case[] = [
  { prompt: [1], sampling: { temperature: 0, maxTokens: 26 } },
  { prompt: ONCE, sampling: { temperature: 0.8, topP: 0.9, seed: 1, maxTokens: 26 } },
  { prompt: ONCE, sampling: { temperature: 0.8, topP: 0.9, seed: 2, maxTokens: 22 } },
  { prompt: [...ONCE, ...ONCE, 5, 6, 7], sampling: { topK: 20, minP: 0.02, seed: 3, maxTokens: 26 } },
  {
    prompt: [...ONCE, 9],
    sampling: { temperature: 0, frequencyPenalty: 0.6, presencePenalty: 0.4, maxTokens: 26 },
  },
  {
    prompt: [...ONCE, ...ONCE, ...ONCE, ...ONCE],
    sampling: {
      temperature: 0.6,
      repetitionPenalty: 1.3,
      seed: 5,
      numLogprobs: 2,
      logprobTokens: [300, 4],
      maxTokens: 25,
    },
  },
  {
    prompt: [...ONCE, 9, 8],
    sampling: {
      temperature: 0,
      numLogprobs: 5,
      promptLogprobStart: 0,
      numPromptLogprobs: 1,
      promptRanks: true,
      logprobTokens: [12],
      stopTokenIds: [313, 200],
      maxTokens: 26,
    },
  },
  // Trees on either side of a block of 256 keys.
  {
    prompt: Array.from({ length: 245 }, (_, i) => ONCE[i % ONCE.length]! + Math.floor(i / 70)),
    sampling: { temperature: 0.5, topP: 0.9, seed: 8, numLogprobs: 1, maxTokens: 26 },
  },
  {
    prompt: [50, 51, 52],
    sampling: { seed: 7, minTokens: 15, logitBias: [[2, 4], [30, -4]], stop: ["w", "3b"], maxTokens: 26 },
  },
  {
    prompt: [50, 51, 53],
    sampling: { seed: 9, minTokens: 9, stopRegex: ["[^a-z]{2}[a-z0-9]{2}", "\\bzz"], maxTokens: 26 },
  },
];

/** Every algorithm, some in several ways. */
export const ALGORITHMS: readonly Partial<ServerArgs>[] = [
  { speculativeAlgorithm: "NGRAM" },
  { speculativeAlgorithm: "NGRAM", speculativeNgramMatchType: "PROB", speculativeAdaptive: true },
  { speculativeAlgorithm: "STANDALONE", speculativeDraftModelPath: "tiny.gguf" },
  { speculativeAlgorithm: "SYNTHETIC", speculativeSyntheticAcceptance: [0.9, 0.6] },
  { speculativeAlgorithm: "EAGLE", speculativeDraftModelPath: "eagle" },
  { speculativeAlgorithm: "EAGLE", speculativeDraftModelPath: "eagle", speculativeTokenMap: "hot.json" },
  { speculativeAlgorithm: "NEXTN", speculativeDraftModelPath: "mtp" },
  { speculativeAlgorithm: "EAGLE3", speculativeDraftModelPath: "eagle3" },
  { speculativeAlgorithm: "EAGLE3", speculativeDraftModelPath: "eagle3", speculativeAdaptive: true },
];

/** Drafters that know what will be drawn, and what they do with it. */
export const DRAFTERS = {
  "always right": alwaysRight,
  "always wrong": alwaysWrong(300),
  random: randomTrees(300),
};

/**
 * An actor to whom all that it measures takes 1 ms, so that what adaptive policies do depends on no machine. A GPU's
 * forwards are like that: they take the time that the weights take, whatever the rows.
 */
function timeless<Config, Info, Message>(actor: Actor<Config, Info, Message>): Actor<Config, Info, Message> {
  let ms = 0;
  const own = (context: ActorContext): ActorContext => ({ ...context, clock: { now: () => ms++ } });
  return {
    name: actor.name,
    start: (config, context) => actor.start(config, own(context)),
    receive: (message, context) => actor.receive(message, own(context)),
    stop: () => actor.stop(),
  };
}

/** Where laws are checked, and of which model. */
export interface TinyLawsOptions {
  /** Behind the names of its tests. */
  readonly where?: string;
  readonly ignore?: boolean;
  /** Another device than the CPU, chosen before every law. */
  readonly on?: () => NonNullable<Setting["on"]>;
  readonly model: Pick<TinyModelOptions, "format" | "config">;
  readonly cases: readonly Case[];
  /** Makes the matcher of constrained cases; the real one if left out. */
  readonly matcher?: Setting["matcher"];
  /** Flags of all its engines. */
  readonly args?: Partial<ServerArgs>;
}

/** A tiny model with heads, and what it says without drafts. */
export interface TinySetting {
  readonly setting: Setting;
  readonly expected: readonly GenerationUpdate[];
  /** Of model and heads. */
  readonly folder: string;
}

/** Registers laws of one tiny model on one device, and removes its files after the last test. */
export class TinyLaws {
  readonly #options: TinyLawsOptions;
  #written: Promise<TinySetting> | undefined;

  constructor(options: TinyLawsOptions) {
    this.#options = options;
    Deno.test.afterAll(async () => {
      if (this.#written) await Deno.remove((await this.#written).folder, { recursive: true });
    });
  }

  /** The model and its plain outputs; made once. */
  async setting(): Promise<TinySetting> {
    // Another test may have chosen another device since.
    const on = this.#options.on?.();
    return await (this.#written ??= this.#write(on));
  }

  async #write(on: Setting["on"]): Promise<TinySetting> {
    const { model, cases, args, matcher } = this.#options;
    const folder = await Deno.makeTempDir();
    const path = await writeTinyModel(folder, { kind: "gguf", seed: 3, ...model });
    const setting = {
      target: await openCheckpoint(await resolveModel(path)),
      cases,
      ...(on && { on }),
      ...(matcher && { matcher }),
    };
    const head = { seed: 4, target: setting.target.checkpoint.config };
    const draftTokens = Array.from({ length: 150 }, (_, i) => 2 * i + 1);
    await writeTinyHead(`${folder}/eagle`, { ...head, kind: "eagle" });
    await writeTinyHead(`${folder}/mtp`, { ...head, kind: "mtp", hasQkvBias: true });
    await writeTinyHead(`${folder}/eagle3`, { ...head, kind: "eagle3", draftTokens });
    await Deno.writeTextFile(`${folder}/hot.json`, JSON.stringify(draftTokens));
    return { setting, expected: await runPlain(setting, args), folder };
  }

  /**
   * Registers the law for a drafter that knows what will be drawn.
   *
   * @param share of the levels that one who is right sees accepted at least; the end of a request cuts some off
   */
  testDrafter(who: keyof typeof DRAFTERS, shape: Shape, share = 0.8): void {
    this.#test(`the law holds for a drafter that is ${who}, trees ${shapeName(shape)}`, async () => {
      const { setting, expected } = await this.setting();
      const tokensOf = (requestId: string) => {
        const index = Number(requestId.slice(1));
        return [...setting.cases[index]!.prompt, ...expected[index]!.tokens];
      };
      const { verifications, proposed, accepted, cached } = await checkLaw(
        setting,
        expected,
        { ...this.#options.args, speculativeAlgorithm: "NGRAM", ...shapeArgs(shape) },
        { parts: { drafter: () => scriptedDrafter(tokensOf, DRAFTERS[who]) } },
      );
      assert.ok(cached > 0 && proposed > 0);
      if (who === "always wrong") assert.equal(accepted, 0);
      else if (who === "random") {
        // Half of the tokens are right; of a tree with more of them than levels, only those on one path count.
        assert.ok(
          accepted > 20 && accepted < proposed * (shape[2] > 2 ? 0.5 : 0.6),
          `${accepted} of ${proposed}`,
        );
      } else {assert.ok(
          accepted / verifications > share * shape[0],
          `${accepted / verifications} of ${shape[0]}`,
        );}
    });
  }

  /** Registers the law for a proposer; its trees are automatic without a shape. */
  testProposer(args: Partial<ServerArgs>, shape: Shape | undefined): void {
    const how = (args.speculativeAdaptive ? " adaptive" : "") +
      (args.speculativeTokenMap ? " with hot tokens" : "");
    this.#test(
      `the law holds for ${args.speculativeAlgorithm}, trees ${shapeName(shape)}${how}`,
      async () => {
        const { setting, expected, folder } = await this.setting();
        const { speculativeDraftModelPath: draft, speculativeTokenMap: map } = args;
        const { proposed, accepted } = await checkLaw(setting, expected, {
          ...this.#options.args,
          ...args,
          ...(draft && { speculativeDraftModelPath: `${folder}/${draft}` }),
          ...(map && { speculativeTokenMap: `${folder}/${map}` }),
          ...shapeArgs(shape),
        }, {
          // On a simulator, what pays on its device does not.
          ...(setting.on && {
            parts: {
              verifier: () => timeless(actors.verifier()),
              drafter: () => timeless(actors.drafter()),
            },
          }),
        });
        // A head of random numbers may be wrong all the time.
        const isRandom = /^EAGLE|^NEXTN$/.test(args.speculativeAlgorithm!) || args.speculativeAdaptive;
        if (shape) assert.ok(proposed > 0 && (accepted > 0 || isRandom), `${accepted} of ${proposed}`);
      },
    );
  }

  /** Registers the law for n-grams in a pool so small that sequences are preempted. */
  testPreemption(maxTotalTokens: number): void {
    this.#test("the law holds for sequences that are preempted", async () => {
      const { setting, expected } = await this.setting();
      const small = { maxTotalTokens, scheduleConservativeness: 0.1 };
      const drafting = { speculativeAlgorithm: "NGRAM", ...shapeArgs([2, 2, 4]) };
      const { preempted } = await checkLaw(setting, expected, {
        ...this.#options.args,
        ...drafting,
        ...small,
      });
      assert.ok(preempted > 0);
    });
  }

  #test(name: string, fn: () => Promise<void>): void {
    const { where, ignore = false } = this.#options;
    Deno.test({ name: where === undefined ? name : `${name} [${where}]`, ignore, fn });
  }
}
