/**
 * Opens Aerie's engine the way `serve.ts` does, without HTTP and without log lines.
 *
 * @module
 */
import { readFlags } from "../../cli/args.ts";
import { openDevice } from "../../runtime/engine/devices.ts";
import type { EngineOptions } from "../../runtime/engine/options.ts";
import { openSpeculation } from "../../runtime/speculation/setup/open_speculation.ts";
import { toDefinition } from "../../runtime/tokenizer/source.ts";
import { loadTokenizer } from "../../runtime/tokenizer/tokenizer.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../runtime/weights/resolve.ts";

/** What an engine is started with under the server's `flags`; the actors run in Workers, as in production. */
export async function aerieOptions(flags: readonly string[]): Promise<EngineOptions> {
  const args = readFlags(flags);
  const target = await openCheckpoint(await resolveModel(args.modelPath));
  const { speculation } = await openSpeculation(args, target), { tokenizerSource } = target;
  return {
    args,
    checkpoint: target.checkpoint,
    tokenizer: Object.assign(loadTokenizer(tokenizerSource), { definition: toDefinition(tokenizerSource) }),
    speculation,
    ...await openDevice(args, { log: () => {} }),
    placement: "worker",
    log: () => {},
  };
}

/** The flags that name the model, if it is not the default one. */
export function modelFlags(modelPath: string | undefined): string[] {
  return modelPath === undefined ? [] : ["--model-path", modelPath];
}
