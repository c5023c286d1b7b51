/**
 * The law of speculation over pairs of architectures and proposers, on tiny random models: a request's tokens, text and
 * logprobs are bit for bit those of plain decoding, greedy and by seed, alone and in a batch, with prompts in chunks and
 * on a warm cache, beyond the windows of layers that have one. By default every architecture with two proposers, which
 * gives each proposer three architectures at least; `deno task test:laws:models` checks every pair.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { ARCHITECTURES } from "../../../runtime/architectures/registry.ts";
import type { ServerArgs } from "../../../runtime/contracts/server_args.ts";
import { proposerNames } from "../../../runtime/speculation/registry.ts";
import { openCheckpoint } from "../../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../../runtime/weights/resolve.ts";
import { type Case, checkLaw, runPlain, type Setting, type Shape, shapeArgs } from "../../support/law.ts";
import { TINY_ARCHITECTURES, writeTinyArchitecture } from "../../support/tiny_architectures.ts";
import { writeTinyHead } from "../../support/tiny_head.ts";
import { ONCE } from "../../support/tiny_laws.ts";

const checksAll = Deno.env.get("AERIE_LAWS") === "models";

/** Prompts shorter and longer than a window, some of which begin alike. */
const CASES: readonly Case[] = [
  { prompt: [1], sampling: { temperature: 0, maxTokens: 16 } },
  { prompt: ONCE, sampling: { temperature: 0.8, topP: 0.9, seed: 1, maxTokens: 16 } },
  { prompt: [...ONCE, ...ONCE, ...ONCE, 5], sampling: { seed: 3, numLogprobs: 2, maxTokens: 16 } },
  {
    prompt: [...ONCE, ...ONCE, ...ONCE, 9],
    sampling: { temperature: 0, frequencyPenalty: 0.5, maxTokens: 16 },
  },
];

interface Proposing {
  readonly args: Partial<ServerArgs>;
  readonly shape: Shape;
}

/** Every proposer, with a tree that is wide or deep; paths are relative to the model's folder. */
const PROPOSERS: readonly Proposing[] = [
  { args: { speculativeAlgorithm: "EAGLE", speculativeDraftModelPath: "eagle" }, shape: [3, 4, 16] },
  { args: { speculativeAlgorithm: "EAGLE3", speculativeDraftModelPath: "eagle3" }, shape: [5, 4, 8] },
  { args: { speculativeAlgorithm: "NEXTN", speculativeDraftModelPath: "mtp" }, shape: [4, 2, 8] },
  // It drafts what it would say, so that whole branches are accepted.
  { args: { speculativeAlgorithm: "STANDALONE", speculativeDraftModelPath: "." }, shape: [5, 2, 8] },
  { args: { speculativeAlgorithm: "NGRAM" }, shape: [3, 4, 16] },
  {
    args: { speculativeAlgorithm: "SYNTHETIC", speculativeSyntheticAcceptance: [0.9, 0.6] },
    shape: [3, 1, 4],
  },
];

const names = ARCHITECTURES.map(({ name }) => name);

/** Whether a pair is checked by default: two proposers of each architecture, by turns. */
function isUsual(architecture: number, proposer: number): boolean {
  return [0, 3].some((step) => (architecture + step) % PROPOSERS.length === proposer);
}

Deno.test("the laws over pairs have every architecture and every proposer", () => {
  assert.deepEqual(new Set(Object.keys(TINY_ARCHITECTURES)), new Set(names));
  assert.deepEqual(
    new Set(PROPOSERS.map(({ args }) => args.speculativeAlgorithm)),
    new Set(proposerNames),
  );
});

names.forEach((name, at) => {
  const proposers = PROPOSERS.filter((_, i) => checksAll || isUsual(at, i));
  const list = proposers.map(({ args }) => args.speculativeAlgorithm).join(", ");
  Deno.test(`the law holds for ${name} with ${list}`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const setting = await write(folder, name), expected = await runPlain(setting);
      assert.ok(new Set(expected.map(({ text }) => text)).size === CASES.length, "they say different things");
      for (const { args, shape } of proposers) {
        const { speculativeDraftModelPath: path } = args;
        const { accepted, proposed, cached } = await checkLaw(setting, expected, {
          ...args,
          ...(path !== undefined && { speculativeDraftModelPath: `${folder}/${path}` }),
          ...shapeArgs(shape),
        });
        assert.ok(proposed > 0 && cached > 0, args.speculativeAlgorithm);
        // A head of random numbers may be wrong all the time.
        if (/STANDALONE|SYNTHETIC/.test(args.speculativeAlgorithm!)) assert.ok(accepted > 0);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});

/** A model with a head of every kind below its folder. */
async function write(folder: string, name: string): Promise<Setting> {
  const seed = 3;
  await writeTinyArchitecture(folder, { name, seed });
  const target = await openCheckpoint(await resolveModel(folder)), { config } = target.checkpoint;
  const draftTokens = Array.from({ length: 150 }, (_, i) => 2 * i + 1);
  await writeTinyHead(`${folder}/eagle`, { kind: "eagle", seed: 4, target: config });
  await writeTinyHead(`${folder}/eagle3`, { kind: "eagle3", seed: 5, target: config, draftTokens });
  const mtp = { kind: "mtp", seed: 6, target: config, hasQkvBias: true, numLayers: 3 } as const;
  await writeTinyHead(`${folder}/mtp`, mtp);
  return { target, cases: CASES };
}
