/**
 * What a step of the default model takes here.
 *
 * @module
 */
import { readExposition, valueOf } from "../../tests/support/exposition.ts";
import { ServerProcess } from "../../tests/support/server_process.ts";

/**
 * Milliseconds of a step that decodes `numStreams` sequences without drafts, `numTokens` tokens of each, as the server itself
 * counts them.
 */
export async function stepTime(numStreams: number, numTokens: number): Promise<number> {
  await using server = await ServerProcess.start(["--speculative-algorithm", "NONE"]);
  const sampling = { "max_new_tokens": numTokens, "ignore_eos": true };
  const body = JSON.stringify({ text: "Once upon a time", "sampling_params": sampling, stream: true });
  const headers = { "Content-Type": "application/json" };
  await Promise.all(Array.from({ length: numStreams }, async () => {
    await (await fetch(`${server.url}/generate`, { method: "POST", headers, body })).text();
  }));
  const families = readExposition(await (await fetch(`${server.url}/metrics`)).text());
  const decode = (name: string) => valueOf(families, name, { phase: "decode" });
  return 1000 * decode("aerie:step_seconds_total") / decode("aerie:steps_total");
}
