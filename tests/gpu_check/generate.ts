/**
 * Whole generations of a tiny model on cuda-sim, for `AERIE_TRACE` to record: `deno run -A generate.ts NUMBER` runs one
 * of {@linkcode GENERATIONS}.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ServerArgs } from "../../runtime/contracts/server_args.ts";
import type { StorageFormat } from "../../runtime/contracts/storage_format.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../runtime/weights/resolve.ts";
import { simulate } from "../support/cuda_sim.ts";
import { type Case, shapeArgs, start } from "../support/law.ts";
import { collect, requestOf } from "../support/test_engine.ts";
import { writeTinyHead } from "../support/tiny_head.ts";
import { writeTinyModel } from "../support/tiny_model.ts";

/** A model's format and the flags that it is served with. Draft models and heads are named by their files. */
export interface Generation {
  readonly name: string;
  readonly format: StorageFormat;
  readonly args: Partial<ServerArgs>;
}

/** Without speculation in several formats, then every proposer, some in several ways. */
export const GENERATIONS: readonly Generation[] = [
  ...(["BF16", "F16", "Q8_0", "Q4_0"] as const).map((format): Generation => ({
    name: `none-${format.toLowerCase()}`,
    format,
    args: { speculativeAlgorithm: "NONE" },
  })),
  ...([
    ["ngram", { speculativeAlgorithm: "NGRAM" }],
    ["standalone", { speculativeAlgorithm: "STANDALONE", speculativeDraftModelPath: "tiny.gguf" }],
    ["synthetic", { speculativeAlgorithm: "SYNTHETIC", speculativeSyntheticAcceptance: [0.9, 0.6] }],
    ["eagle", { speculativeAlgorithm: "EAGLE", speculativeDraftModelPath: "eagle" }],
    ["eagle-hot", {
      speculativeAlgorithm: "EAGLE",
      speculativeDraftModelPath: "eagle",
      speculativeTokenMap: "hot.json",
    }],
    ["nextn", { speculativeAlgorithm: "NEXTN", speculativeDraftModelPath: "mtp" }],
    ["eagle3", { speculativeAlgorithm: "EAGLE3", speculativeDraftModelPath: "eagle3" }],
  ] as const).map(([name, args]): Generation => ({
    name,
    format: "BF16",
    args: {
      ...args,
      ...("speculativeSyntheticAcceptance" in args ? { speculativeSyntheticAcceptance: [0.9, 0.6] } : {}),
      ...shapeArgs([3, 4, 16]),
    },
  })),
];

const ONCE = [20, 45, 300, 12, 20, 45, 300, 12, 77, 20, 45, 300];

/** All kinds of sampling, a common beginning, and a prompt that crosses the 256 keys of a chunk. */
const CASES: readonly Case[] = [
  { prompt: ONCE, sampling: { temperature: 0, maxTokens: 12 } },
  { prompt: ONCE, sampling: { temperature: 0.8, topP: 0.9, topK: 30, minP: 0.01, seed: 1, maxTokens: 10 } },
  {
    prompt: [...ONCE, ...ONCE],
    sampling: {
      temperature: 0.6,
      repetitionPenalty: 1.3,
      frequencyPenalty: 0.5,
      seed: 5,
      numLogprobs: 2,
      logprobTokens: [300, 4],
      maxTokens: 8,
    },
  },
  {
    prompt: Array.from({ length: 252 }, (_, i) => ONCE[i % ONCE.length]! + Math.floor(i / 70)),
    sampling: { temperature: 0, maxTokens: 8 },
  },
];

/** Runs all cases at once; the numbers of their tokens. */
export async function generate({ format, args }: Generation): Promise<readonly number[]> {
  const folder = await Deno.makeTempDir();
  try {
    const config = { numHeads: 4, numKvHeads: 2, headDim: 32, numLayers: 3 };
    const path = await writeTinyModel(folder, { kind: "gguf", seed: 3, config, format });
    const target = await openCheckpoint(await resolveModel(path));
    const head = { seed: 4, target: target.checkpoint.config };
    const draftTokens = Array.from({ length: 150 }, (_, i) => 2 * i + 1);
    await writeTinyHead(`${folder}/eagle`, { ...head, kind: "eagle" });
    await writeTinyHead(`${folder}/mtp`, { ...head, kind: "mtp", hasQkvBias: true });
    await writeTinyHead(`${folder}/eagle3`, { ...head, kind: "eagle3", draftTokens });
    await Deno.writeTextFile(`${folder}/hot.json`, JSON.stringify(draftTokens));
    const { speculativeDraftModelPath: draft, speculativeTokenMap: map } = args;
    const files = {
      ...(draft && { speculativeDraftModelPath: `${folder}/${draft}` }),
      ...(map && { speculativeTokenMap: `${folder}/${map}` }),
    };
    const sizes = { maxTotalTokens: 1024, chunkedPrefillSize: 64, maxRunningRequests: 8, cudaGraphMaxBs: 8 };
    await using engine = await start({ target }, { ...sizes, ...args, ...files }, simulate());
    const updates = await Promise.all(
      CASES.map(({ prompt, sampling }, i) => collect(engine.generate(requestOf(`r${i}`, prompt, sampling)))),
    );
    return updates.map(({ tokens }) => tokens.length);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const lengths = await generate(GENERATIONS[Number(Deno.args[0])]!);
  assert.ok(lengths.every((length) => length > 3), `${lengths}`);
}
