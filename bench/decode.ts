/**
 * `deno task bench:decode`: one greedy stream of Aerie beside node-llama-cpp on the same GGUF, with the same prompt
 * and the same number of threads. Each side is a process of its own that stays loaded; rounds alternate between
 * them, so that a change of the machine's speed meets both.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { installNodeLlamaCpp, NODE_LLAMA_CPP } from "./support/node_llama_cpp.ts";
import { PROMPT } from "./support/prompt.ts";
import { type Round, Side } from "./support/side.ts";

const { values } = parseArgs({
  options: {
    "model-path": { type: "string" },
    threads: { type: "string", default: "1,2" },
    rounds: { type: "string", default: "7" },
    tokens: { type: "string", default: "128" },
    "prompt-tokens": { type: "string", default: "128" },
  },
});
const numRounds = Number(values.rounds);
const numTokens = Number(values.tokens);

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const pathOf = (name: string) => new URL(`support/${name}`, import.meta.url).pathname;

/** Tokens per second of a round; the first token is prefill's. */
const prefillSpeed = (round: Round) => round.numPromptTokens / round.prefillMs * 1000;
const decodeSpeed = (round: Round) => (round.tokens.length - 1) / round.decodeMs * 1000;

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}

/** Each side's best median decode speed so far. */
const best = [0, 0];
const peerModule = installNodeLlamaCpp();
for (const threads of values.threads.split(",").map(Number)) {
  const modelFlags = values["model-path"] === undefined ? [] : ["--model-path", values["model-path"]];
  await using aerie = new Side("aerie", [
    Deno.execPath(),
    "run",
    "--allow-all",
    pathOf("aerie_side.ts"),
    String(threads),
    ...modelFlags,
  ]);
  const { modelFile, tokens: encoded } = await aerie.ask({ type: "encode", text: PROMPT });
  const prompt = encoded.slice(0, Number(values["prompt-tokens"]));
  await using peer = new Side(`node-llama-cpp ${NODE_LLAMA_CPP}`, [
    "node",
    pathOf("node_llama_cpp_side.mjs"),
    peerModule,
    modelFile,
    String(threads),
  ]);
  const sides = [aerie, peer] as const;
  const rounds: [Round[], Round[]] = [[], []];
  // Round 0 warms up.
  for (let round = 0; round <= numRounds; round++) {
    for (const [index, side] of sides.entries()) {
      const measured = await side.ask({ type: "generate", prompt, numTokens });
      if (round > 0) rounds[index]!.push(measured);
    }
  }

  const model = modelFile.split("/").at(-1);
  print(`\n${model}, ${threads} thread${threads === 1 ? "" : "s"}, ${prompt.length} prompt tokens`);
  print(`${numTokens} greedy tokens, median (least to most) of ${numRounds} alternating rounds`);
  print(`${"".padEnd(24)}${"prefill token/s".padEnd(26)}decode token/s`);
  const speeds = [prefillSpeed, decodeSpeed].map((speed) => rounds.map((side) => side.map(speed)));
  for (const [index, side] of sides.entries()) {
    const columns = speeds.map((bySide) => {
      const own = bySide[index]!;
      return `${median(own).toFixed(1)} (${Math.min(...own).toFixed(1)} to ${Math.max(...own).toFixed(1)})`;
    });
    print(`${side.name.padEnd(24)}${columns[0]!.padEnd(26)}${columns[1]}`);
  }
  for (const index of best.keys()) best[index] = Math.max(best[index]!, median(speeds[1]![index]!));
  const ratios = speeds.map(([own, other]) => median(own!.map((speed, round) => speed / other![round]!)));
  print(`${"ratio".padEnd(24)}${`${ratios[0]!.toFixed(2)}x`.padEnd(26)}${ratios[1]!.toFixed(2)}x`);
  const [own, other] = rounds.map((side) => side[0]!.tokens);
  const numEqual = own!.findIndex((token, index) => token !== other![index]);
  print(`Both sides agree on the first ${numEqual < 0 ? own!.length : numEqual} of ${own!.length} tokens`);
}
print(
  `\nEach side at its best number of threads: ${best[0]!.toFixed(1)} to ${
    best[1]!.toFixed(1)
  } decode token/s, ` +
    `${(best[0]! / best[1]!).toFixed(2)}x`,
);
