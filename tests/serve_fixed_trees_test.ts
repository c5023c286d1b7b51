/**
 * What the real server says of draft trees whose shape flags have fixed, on the default model and its head.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { needsModel } from "./support/model_file.ts";
import { ServerProcess } from "./support/server_process.ts";

const { ignore, path: modelPath } = needsModel();
const flags = [
  ...["--model-path", modelPath, "--context-length", "1024", "--speculative-algorithm", "EAGLE3"],
  ...["--speculative-draft-model-path", "heads/eagle3-smollm2-135m", "--skip-server-warmup"],
  // On one thread 64 rows take more than eleven times as long as one, on many the ratio is anything.
  ...["--threads", "1"],
];

function treeFlags(numSteps: number, topk: number, numDraftTokens: number): string[] {
  return [
    ...["--speculative-num-steps", `${numSteps}`, "--speculative-eagle-topk", `${topk}`],
    ...["--speculative-num-draft-tokens", `${numDraftTokens}`],
  ];
}

/** Figures by size, as a line of the log has them after a word. */
function curveAfter(log: readonly string[], word: string): Map<number, number> {
  const line = log.find((line) => line.includes(word));
  assert(line, `no ${word}in\n${log.join("\n")}`);
  const figures = line.slice(line.indexOf(word) + word.length).split(";")[0]!;
  return new Map(
    Array.from(figures.matchAll(/(\d+): ([\d.]+)/g), ([, size, ms]) => [Number(size), Number(ms)]),
  );
}

/** Accept length at which such trees are as fast as plain decoding, by the costs in the log. */
function breakEvenOf(log: readonly string[], numSteps: number, numDraftTokens: number): number {
  const forwardMs = curveAfter(log, "Forward cost by rows, ms: ");
  const first = curveAfter(log, "first level ").get(1)!,
    level = curveAfter(log, "each further level ").get(1)!;
  return (forwardMs.get(numDraftTokens)! + first + (numSteps - 1) * level) / forwardMs.get(1)!;
}

/** The warning by observed acceptance, for trees of 3/4/16, after 256 verifications. */
async function checkAcceptanceWarning(server: ServerProcess): Promise<void> {
  const response = await fetch(`${server.url}/generate`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      text: "Once upon a time",
      "sampling_params": {
        temperature: 1,
        "sampling_seed": 5,
        "max_new_tokens": 500,
        "ignore_eos": true,
      },
    }),
  });
  const { meta_info: meta } = await response.json();
  assert(meta.spec_verify_ct >= 256, `${meta.spec_verify_ct} verifications are too few for the test`);
  const breakEven = breakEvenOf(server.log, 3, 16);
  const warned = server.log.find((line) => line.includes("Speculation does not pay here"));
  const length = Number(/([\d.]+) in the first \d+ verifications/.exec(warned ?? "")?.[1]);
  assert(warned, `break-even ${breakEven}, accept length ${meta.spec_accept_length}`);
  assert(length < breakEven && length >= 1 && length <= 4, warned);
}

Deno.test({
  name: "serve: warns of fixed trees that the measured costs or the first 256 verifications rule out",
  ignore,
}, async (t) => {
  for (const [numSteps, topk, numDraftTokens] of [[5, 8, 64], [3, 4, 16], [1, 1, 2]] as const) {
    await t.step(`${numSteps}/${topk}/${numDraftTokens}`, async (t) => {
      await using server = await ServerProcess.start([
        ...flags,
        ...treeFlags(numSteps, topk, numDraftTokens),
      ]);
      const breakEven = breakEvenOf(server.log, numSteps, numDraftTokens);
      const warned = server.log.find((line) => line.includes("Speculation cannot pay here"));
      const best = numSteps + 1;
      assert.equal(warned !== undefined, best < breakEven, `break-even ${breakEven}: ${warned}`);
      if (warned !== undefined) {
        const said = Number(/break-even ([\d.]+), best possible \d+\)/.exec(warned)?.[1]);
        assert(Math.abs(said / breakEven - 1) < 0.02, `${warned} for ${breakEven}`);
        assert(warned.includes("--speculative-adaptive"), warned);
      }
      if (numDraftTokens === 64) assert(warned, `break-even ${breakEven}`);
      if (numDraftTokens === 2) assert.equal(warned, undefined);
      if (numDraftTokens === 16) {
        await t.step("after 256 verifications", () => checkAcceptanceWarning(server));
      }
    });
  }
});

Deno.test({ name: "serve: adaptive trees are not warned of, whatever their shape", ignore }, async () => {
  await using server = await ServerProcess.start([
    ...flags,
    ...treeFlags(5, 8, 64),
    "--speculative-adaptive",
  ]);
  assert(server.log.some((line) => line.includes("Forward cost by rows")));
  assert(!server.log.some((line) => line.includes("cannot pay")), server.log.join("\n"));
});
