/**
 * Loads the model in the folder that its argument names, in a process of its own, so that a test can watch its memory:
 * prints a line when all but the weights is there, loads when a line comes in, prints what it has loaded.
 *
 * @module
 */
import { Context } from "../../ffi/context.ts";
import { loadModel } from "../../runtime/models/load.ts";
import { openCheckpoint } from "../../runtime/weights/checkpoint.ts";
import { resolveModel } from "../../runtime/weights/resolve.ts";
import { verifierConfig } from "./models.ts";

const line = new Uint8Array(1);
const { checkpoint } = await openCheckpoint(await resolveModel(Deno.args[0]!));
const config = verifierConfig(checkpoint, {
  maxTotalTokens: 64,
  contextLength: 64,
  maxRows: 16,
  maxOutputs: 16,
});
using context = new Context(config.libraryPath, config);
const say = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
say("ready");
await Deno.stdin.read(line);
const { info } = loadModel(context, config, () => {});
say(JSON.stringify({ weightBytes: info.weightBytes }));
await Deno.stdin.read(line);
