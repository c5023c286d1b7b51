/**
 * The endpoints over a real engine with a tiny random model, whose tokens are bytes, parts of characters and special
 * tokens in any order, plain and under speculation.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import { createApp } from "../../routes/app.ts";
import type { ModelConfig } from "../../runtime/contracts/checkpoint.ts";
import type { ServerArgs } from "../../runtime/contracts/server_args.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../runtime/weights/resolve.ts";
import type { App } from "./http.ts";
import { start } from "./law.ts";
import { writeTinyModel } from "./tiny_model.ts";

/** A server without speculation, and one that guesses from what was said before. */
export const plain: Partial<ServerArgs> = { speculativeAlgorithm: "NONE" },
  ngram: Partial<ServerArgs> = { speculativeAlgorithm: "NGRAM", speculativeNumDraftTokens: 4 };

/** The model in place of the usual one, as far as it differs. */
export interface AppModel {
  /** Its tokenizer.json. */
  readonly tokenizer?: object;
  readonly numLayers?: number;
  readonly contextLength?: number;
}

/** Runs `body` over an engine with a tiny model; flags may come from files beside it, such as a head's. */
export async function withApp(
  args: Partial<ServerArgs> | ((folder: string, target: ModelConfig) => Promise<Partial<ServerArgs>>),
  body: (app: App) => Promise<void>,
  { tokenizer, numLayers = 2, contextLength = 512 }: AppModel = {},
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const config = {
      numHeads: 4,
      numKvHeads: 2,
      headDim: 32,
      numLayers,
      maxPositionEmbeddings: contextLength,
    };
    await writeTinyModel(folder, { kind: "safetensors", seed: 5, config });
    if (tokenizer) await Deno.writeTextFile(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
    const target = await openCheckpoint(await resolveModel(folder));
    const flags = typeof args === "function" ? await args(folder, target.checkpoint.config) : args;
    await using engine = await start({ target }, flags);
    await body(createApp(engine, { streamInterval: 1, enableCacheReport: true }));
    const { numFreePages, numEvictablePages, numPages } = await engine.schedulerState();
    assert.equal(numFreePages + numEvictablePages, numPages, "pages leak");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Registers a test that runs plain and under speculation. */
export function testBothWays(name: string, body: (app: App) => Promise<void>): void {
  for (const [how, args] of [["plain", plain], ["ngram", ngram]] as const) {
    Deno.test(`real engine, ${how}: ${name}`, () => withApp(args, body));
  }
}
