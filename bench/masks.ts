/**
 * `deno task bench:masks`: what the masks of a step cost beside the time that a step of the default model takes here: 32
 * sequences whose output obeys JSON schemas, after a warm-up, by vocabulary; with drafts too.
 *
 * @module
 */
import { chainOf, emptyTree } from "../runtime/contracts/draft_tree.ts";
import { openCheckpoint } from "../runtime/weights/checkpoint.ts";
import { resolveModel } from "../runtime/weights/resolve.ts";
import { jsonSchemaSource } from "../runtime/grammars/json_schema.ts";
import { GrammarPool } from "../runtime/grammars/host/pool.ts";
import { toDefinition, type TokenizerJson, type TokenizerSource } from "../runtime/tokenizer/source.ts";
import { loadTokenizer } from "../runtime/tokenizer/tokenizer.ts";
import { childrenOf } from "../tests/support/processes.ts";
import { REAL_VOCABULARIES } from "../tests/support/real_vocabularies.ts";
import { median, print, printTable } from "./support/report.ts";
import { stepTime } from "./support/step_time.ts";

const NUM_SEQUENCES = 32, NUM_WARM_UPS = 20, NUM_DRAFTS = 4;

/** What sequences write, by their schemas. */
const PERSON = {
  type: "object",
  properties: {
    name: { type: "string" },
    age: { type: "integer" },
    address: {
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" }, country: { type: "string" } },
      required: ["street", "city", "country"],
      additionalProperties: false,
    },
    interests: { type: "array", items: { type: "string" } },
    status: { enum: ["active", "inactive", "pending"] },
  },
  required: ["name", "age", "address", "interests", "status"],
  additionalProperties: false,
};

function textOf(i: number): string {
  const places = ["Main Street", "Rue de la Paix", "Calle Ocho", "Hauptstraße", "Via Roma"];
  return JSON.stringify({
    name: `Anna-Maria van den Berg ${i}`,
    age: 20 + i,
    address: { street: `${places[i % 5]} ${i}`, city: "Saint Petersburg", country: "Netherlands Antilles" },
    interests: ["reading long novels", "chess", "swimming in cold water", `collecting stamps of ${1900 + i}`],
    status: ["active", "inactive", "pending"][i % 3],
  }).replaceAll('":', '": ').replaceAll(',"', ', "');
}

const stepMs = await stepTime(NUM_SEQUENCES, 96);
print(`a step of the default model, ${NUM_SEQUENCES} sequences without drafts: ${stepMs.toFixed(1)} ms`);
print();
const rows = [[
  "vocabulary",
  "drafts",
  "trees, ms",
  "trees and masks, ms",
  "share of that step",
  "CPU, ms",
  "host, MB",
]];
const { tokenizerSource } = await openCheckpoint(await resolveModel(undefined));
await measure("SmolLM2, 49,152", tokenizerSource, 49_152);
const json = (await REAL_VOCABULARIES["Qwen3"]!()).default as TokenizerJson;
await measure("Qwen3, 151,936", { path: "Qwen3", json, eosTokenIds: [151_645], chatAddsBos: false }, 151_936);
printTable(rows);

/** Steps until all have written their texts; medians after a warm-up. */
async function measure(name: string, source: TokenizerSource, vocabSize: number): Promise<void> {
  const tokenizer = loadTokenizer(source);
  const vocabulary = { vocabSize, endTokens: source.eosTokenIds };
  const pool = new GrammarPool({
    definition: toDefinition(source),
    vocabulary,
    timeoutMs: 10_000,
    log: print,
  });
  const grammar = jsonSchemaSource(PERSON, "json_schema");
  for (const numDrafts of [0, NUM_DRAFTS]) {
    const treesMs: number[] = [], masksMs: number[] = [];
    let numSteps = 0, cpuBefore = 0;
    for (let round = 0; round < 4; round++) {
      const texts = Array.from({ length: NUM_SEQUENCES }, (_, i) => [
        ...tokenizer.encode(textOf(i), { addSpecialTokens: false }),
      ]);
      const ids = texts.map((_, i) => `${numDrafts} ${round} ${i}`),
        done = texts.map(() => 0),
        sent = texts.map(() => 0);
      for (const id of ids) await pool.open(id, { grammar, param: "json_schema" });
      for (;;) {
        const running = ids.map((_, i) => i).filter((i) => done[i]! < texts[i]!.length);
        if (running.length < NUM_SEQUENCES) break;
        const requests = running.map((i) => {
          const numBefore = sent[i]!,
            drafts = Int32Array.from(texts[i]!.slice(done[i]!, done[i]! + numDrafts));
          sent[i] = done[i]!;
          return {
            requestId: ids[i]!,
            numBefore,
            tokens: Int32Array.from(texts[i]!.slice(numBefore, done[i]!)),
            tree: numDrafts === 0 ? emptyTree : chainOf(drafts, new Float32Array(drafts.length).fill(0.5)),
            maxNodes: numDrafts === 0 ? 0 : 3 * numDrafts,
          };
        });
        const start = performance.now();
        let refinedAt = 0;
        await pool.match(requests, (trees) => {
          refinedAt = performance.now();
          trees.forEach(({ tokens }, k) => {
            const i = running[k]!;
            let numRight = 0;
            while (numRight < tokens.length && tokens[numRight] === texts[i]![done[i]! + numRight]) {
              numRight++;
            }
            done[i]! += numRight + 1;
          });
        });
        numSteps++;
        if (numSteps === NUM_WARM_UPS) cpuBefore = hostCpuMs();
        if (numSteps <= NUM_WARM_UPS) continue;
        treesMs.push(refinedAt - start);
        masksMs.push(performance.now() - start);
      }
      for (const id of ids) pool.forget(id);
    }
    rows.push([
      name,
      String(numDrafts),
      median(treesMs).toFixed(2),
      median(masksMs).toFixed(2),
      `${(100 * median(masksMs) / stepMs).toFixed(1)}%`,
      ((hostCpuMs() - cpuBefore) / masksMs.length).toFixed(2),
      hostMegabytes().toFixed(0),
    ]);
  }
  await pool.stop();
}

/** Process id of the grammar host. */
function hostPid(): number {
  return childrenOf(Deno.pid).find(({ command }) => command.includes("grammar_host.ts"))!.pid;
}

/** Resident memory of the grammar host. */
function hostMegabytes(): number {
  const status = Deno.readTextFileSync(`/proc/${hostPid()}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}

/** Processor time that it has had; the kernel counts in hundredths of a second. */
function hostCpuMs(): number {
  const [, , , , , , , , , , , user, system] = Deno.readTextFileSync(`/proc/${hostPid()}/stat`).split(
    ") ",
  )[1]!
    .split(" ");
  return 10 * (Number(user) + Number(system));
}
