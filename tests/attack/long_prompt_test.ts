/**
 * A long prompt arrives beside running streams.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { needsModel } from "../support/model_file.ts";
import { ServerProcess } from "../support/server_process.ts";
import { assertRecovered, vitalsOf } from "../support/server_vitals.ts";

const { ignore, path: modelPath } = needsModel();

const NUM_STREAMS = 4, NUM_PROMPT_TOKENS = 8000, CONTEXT = 8192;
/** Prompt tokens after which enough was seen; the rest would take as long again. */
const NUM_SEEN_TOKENS = 3500;
/** A step may be so much longer than planned while others want the machine. */
const PATIENCE = 4;

/** A step with a prompt, as the log tells it. */
interface MixedStep {
  readonly numRows: number;
  readonly numRunning: number;
}

function mixedSteps(log: readonly string[]): MixedStep[] {
  return log.flatMap((line) => {
    const [, numRows, numRunning] =
      /Prefill batch\. #new-seq: 1, #new-token: (\d+),.* #running-req: (\d+)/.exec(line) ?? [];
    return numRows === undefined ? [] : [{ numRows: Number(numRows), numRunning: Number(numRunning) }];
  });
}

async function stateOf({ url }: ServerProcess): Promise<Record<string, number>> {
  const response = await fetch(`${url}/get_server_info`);
  return (await response.json()).internal_states[0];
}

/** Token ids that no other seed shares. */
function promptOf(seed: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => 1000 + (seed * 7919 + i * 31) % 40_000);
}

/** Greedy tokens without end. */
function stream({ url }: ServerProcess, prompt: readonly number[], signal: AbortSignal): Promise<Response> {
  return fetch(`${url}/generate`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      input_ids: prompt,
      stream: true,
      sampling_params: {
        temperature: 0,
        max_new_tokens: Math.min(4000, CONTEXT - prompt.length),
        ignore_eos: true,
      },
    }),
    signal,
  });
}

/** Notes when events come, until the stream is aborted. */
async function note(response: Response, timesMs: number[]): Promise<void> {
  try {
    for await (const _ of response.body!) timesMs.push(performance.now());
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

Deno.test({ name: "attack: a long prompt does not stall running streams, and gets on", ignore }, async () => {
  await using server = await ServerProcess.start([
    ...["--model-path", modelPath, "--speculative-algorithm", "NONE", "--disable-radix-cache"],
    ...["--decode-log-interval", "100000"],
  ]);
  const before = await vitalsOf(server), leave = new AbortController();
  const timesMs: number[][] = [];
  const streams = await Promise.all(
    Array.from({ length: NUM_STREAMS }, async (_, i) => {
      const response = await stream(server, promptOf(i, 20), leave.signal);
      timesMs.push([]);
      return { ended: note(response, timesMs.at(-1)!) };
    }),
  );
  while (timesMs.some(({ length }) => length < 20)) await new Promise((resolve) => setTimeout(resolve, 20));

  const numLines = server.log.length, arrivedMs = performance.now();
  const long = stream(server, promptOf(9, NUM_PROMPT_TOKENS), leave.signal).catch(() => {});
  const steps = () => mixedSteps(server.log.slice(numLines));
  const numRowsOf = (some: readonly MixedStep[]) => some.reduce((sum, { numRows }) => sum + numRows, 0);
  const deadlineMs = arrivedMs + 120_000;
  while (numRowsOf(steps()) < NUM_SEEN_TOKENS) {
    assert(performance.now() < deadlineMs, `the prompt starves: ${JSON.stringify(steps())}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const seen = steps(), state = await stateOf(server), overMs = performance.now();
  leave.abort();
  await Promise.all([long, ...streams.map(({ ended }) => ended)]);

  const { step_bound_ms, prompt_row_ms, prompt_seen_ms } = state;
  let start = 0;
  for (const { numRows, numRunning } of seen) {
    assert.equal(numRunning, NUM_STREAMS, "every stream is in every step");
    const ms = numRows * (prompt_row_ms! + prompt_seen_ms! * (start + numRows / 2));
    assert(
      ms <= PATIENCE * step_bound_ms!,
      `${numRows} rows behind ${start} tokens take ${ms.toFixed(0)} ms, ${step_bound_ms} are allowed`,
    );
    start += numRows;
  }
  const gapsMs = timesMs.flatMap((times) => {
    const during = times.filter((ms) => ms >= arrivedMs && ms <= overMs);
    return during.slice(1).map((ms, i) => ms - during[i]!);
  }).sort((a, b) => a - b);
  const [middle, high, most] = [0.5, 0.99, 1].map((share) => gapsMs[Math.ceil(share * gapsMs.length) - 1]!);
  const rows = seen.map(({ numRows }) => numRows);
  const seconds = (overMs - arrivedMs) / 1000;
  await Deno.stdout.write(
    new TextEncoder().encode(
      `${start} prompt tokens in ${seen.length} steps of ${Math.min(...rows)} to ${
        Math.max(...rows)
      } rows, ` +
        `${seconds.toFixed(1)} s; gaps of ${NUM_STREAMS} streams, ms: p50 ${middle!.toFixed(0)}, ` +
        `p99 ${high!.toFixed(0)}, max ${most!.toFixed(0)}\n`,
    ),
  );
  assert(high! <= 10 * step_bound_ms!, `p99 ${high}`);
  await assertRecovered(server, before, { maxGrowthBytes: 512 << 20 });
});
