/**
 * The soak: 32 clients at once, impatient, slow and broken ones among them, on a KV pool so small that sequences are
 * preempted all the time. Answers must be those of an idle server, and the server must be as it was afterwards.
 *
 * ```sh
 * deno task soak --minutes 10
 * ```
 *
 * @module
 */
import { parseArgs } from "node:util";
import { median, print } from "../../bench/support/report.ts";
import { seededRandom } from "../support/block_formats.ts";
import { ServerProcess } from "../support/server_process.ts";
import { assertRecovered, vitalsOf } from "../support/server_vitals.ts";
import { askStream, askWhole, leave, misbehave, sleep, type Texts } from "./clients.ts";
import { drawQuestions, type Question } from "./questions.ts";

const NUM_CLIENTS = 32, NUM_QUESTIONS = 96;
/** Tokens of the KV pool, of which 32 answers would take several times as many. */
const POOL_TOKENS = 768;
const HEALTH_INTERVAL_MS = 250, RSS_INTERVAL_MS = 15_000;
/** Preemptions that ten minutes must bring, or the soak did not test what it is for. */
const MIN_PREEMPTIONS = 200, MIN_PREEMPTIONS_MINUTES = 10;

/** What the clients saw. */
interface Counts {
  whole: number;
  streamed: number;
  slow: number;
  left: number;
  refused: number;
  readonly faults: string[];
}

async function soak(minutes: number, seed: number, flags: readonly string[]): Promise<boolean> {
  const questions = drawQuestions(NUM_QUESTIONS, seededRandom(seed));
  const pool = ["--max-total-tokens", String(POOL_TOKENS), ...flags];
  await using server = await ServerProcess.start(pool);
  print(`Server ${server.pid} at ${server.url}: the answers of an idle server`);
  const expected: Texts[] = [];
  for (const question of questions) expected.push(await askWhole(server.url, question));

  const before = await vitalsOf(server);
  const counts: Counts = { whole: 0, streamed: 0, slow: 0, left: 0, refused: 0, faults: [] };
  const end = Date.now() + minutes * 60_000, isOver = () => Date.now() >= end || counts.faults.length > 20;
  print(`${NUM_CLIENTS} clients for ${minutes} minutes`);
  const clients = Array.from({ length: NUM_CLIENTS }, (_, client) => {
    const random = seededRandom(seed + 1 + client);
    return runClient(server.url, { questions, expected, counts, random, isOver });
  });
  const [latencies, rss] = await Promise.all([
    watchHealth(server.url, isOver, counts.faults),
    watchMemory(server, isOver),
    ...clients,
  ]);
  const preemptions = await preemptionsOf(server.url);
  await assertRecovered(server, before, { maxGrowthBytes: 512 << 20 });

  report(counts, latencies, rss, preemptions);
  const wanted = Math.floor(MIN_PREEMPTIONS * minutes / MIN_PREEMPTIONS_MINUTES);
  if (preemptions < wanted) counts.faults.push(`${preemptions} preemptions, at least ${wanted} are wanted`);
  for (const fault of counts.faults) print(`FAULT: ${fault}`);
  return counts.faults.length === 0;
}

/** One client after another, each of a random kind, until the time is over. */
async function runClient(url: string, { questions, expected, counts, random, isOver }: {
  readonly questions: readonly Question[];
  readonly expected: readonly Texts[];
  readonly counts: Counts;
  readonly random: () => number;
  readonly isOver: () => boolean;
}): Promise<void> {
  while (!isOver()) {
    const index = Math.floor(random() * questions.length), question = questions[index]!;
    const compare = (texts: Texts) => {
      if (JSON.stringify(texts) === JSON.stringify(expected[index])) return;
      counts.faults.push(`${JSON.stringify(question.body)}: ${JSON.stringify([texts, expected[index]])}`);
    };
    const kind = random();
    try {
      if (kind < 0.3) {
        compare(await askWhole(url, question));
        counts.whole++;
      } else if (kind < 0.55) {
        compare(await askStream(url, question));
        counts.streamed++;
      } else if (kind < 0.65) {
        compare(await askStream(url, question, random));
        counts.slow++;
      } else if (kind < 0.85) {
        await leave(url, question, random);
        counts.left++;
      } else {
        await misbehave(url, random);
        counts.refused++;
      }
    } catch (error) {
      counts.faults.push(`${question.path}: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** Times of `/health`, milliseconds. */
async function watchHealth(url: string, isOver: () => boolean, faults: string[]): Promise<number[]> {
  const latencies: number[] = [];
  while (!isOver()) {
    const begun = performance.now();
    const response = await fetch(`${url}/health`);
    await response.body?.cancel();
    if (response.status !== 200) faults.push(`/health was answered ${response.status}`);
    latencies.push(performance.now() - begun);
    await sleep(HEALTH_INTERVAL_MS);
  }
  return latencies;
}

/** Resident memory from time to time, bytes. */
async function watchMemory(server: ServerProcess, isOver: () => boolean): Promise<number[]> {
  const rss: number[] = [];
  while (!isOver()) {
    rss.push((await vitalsOf(server)).rssBytes);
    for (let waited = 0; waited < RSS_INTERVAL_MS && !isOver(); waited += HEALTH_INTERVAL_MS) {
      await sleep(HEALTH_INTERVAL_MS);
    }
  }
  return rss;
}

async function preemptionsOf(url: string): Promise<number> {
  const { internal_states: [state] } = await (await fetch(`${url}/get_server_info`)).json();
  return state["num_preemptions"];
}

function report(
  counts: Counts,
  latencies: readonly number[],
  rss: readonly number[],
  preemptions: number,
): void {
  const { whole, streamed, slow, left, refused, faults } = counts;
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(1);
  print(
    `Requests: ${whole} whole, ${streamed} streamed, ${slow} read slowly, ${left} left, ${refused} refused; ` +
      `${faults.length} faults`,
  );
  print(`Preemptions: ${preemptions}`);
  print(`RSS, MB: ${rss.map((bytes) => Math.round(bytes / 2 ** 20)).join(" ")}`);
  print(`/health, ms: median ${median(latencies).toFixed(1)}, p99 ${at(0.99)}, worst ${at(1)}`);
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { minutes: { type: "string", default: "10" }, seed: { type: "string", default: "1" } },
    allowPositionals: true,
  });
  const hasPassed = await soak(Number(values.minutes), Number(values.seed), positionals);
  print(hasPassed ? "The soak passed" : "The soak failed");
  Deno.exit(hasPassed ? 0 : 1);
}
