/**
 * `deno task bench:metrics`: what metrics cost a step, beside the time that a step of the default model takes here.
 *
 * @module
 */
import { EngineMetrics } from "../runtime/metrics/engine_metrics.ts";
import { countVerification, nodesByDepth, zeroCounts } from "../runtime/contracts/speculation_counts.ts";
import { FakeGenerator } from "../tests/support/fake_generator.ts";
import { idleState } from "../tests/support/scheduler_states.ts";
import { requestOf } from "../tests/support/test_engine.ts";
import { median, print, printTable } from "./support/report.ts";
import { stepTime } from "./support/step_time.ts";

const NUM_TOKENS = 96, NUM_RUNS = 9, RUN_LENGTH = 200_000;

const { model } = new FakeGenerator();
const metrics = new EngineMetrics(model, true), request = requestOf("r", [1]), counts = zeroCounts();
const running = metrics.watch(request)!;
const usage = { numPromptTokens: 9, numCompletionTokens: 96, numCachedTokens: 3, numPreemptions: 0 };
const tree = {
  tokens: Int32Array.of(1, 2, 3),
  parents: Int32Array.of(-1, 0, 1),
  probabilities: Float32Array.of(0.5, 0.4, 0.3),
};

/** Nanoseconds of what is done for metrics where tokens are generated. */
const costs = {
  request: nanoseconds(() => {
    const observer = metrics.watch(request)!;
    observer.admitted(1);
    observer.ended({ usage, finish: { type: "length", length: 96 } });
  }),
  token: nanoseconds(() => running.generated(1)),
  fourTokens: nanoseconds(() => running.generated(4)),
  verification: nanoseconds(() => countVerification(counts, nodesByDepth(tree), 1)),
  step: nanoseconds(() => void performance.now()),
};
const facts = { ...model, maxRunningRequests: 32, pageSize: 16, weightBytes: 1, kvBytes: 1 };
const scrapeMs = await scrapeTime();

printTable([
  ["what", "ns"],
  ["a request, all but its tokens", costs.request.toFixed(0)],
  ["a token", costs.token.toFixed(0)],
  ["four tokens that come together", costs.fourTokens.toFixed(0)],
  ["a verification of three drafts", costs.verification.toFixed(0)],
  ["a step's clock", costs.step.toFixed(0)],
]);
print(`a scrape: ${scrapeMs.toFixed(2)} ms`);
print();

const rows = [["streams", "step, ms", "metrics of it, us", "share"]];
for (const numStreams of [1, 8, 32]) {
  const stepMs = await stepTime(numStreams, NUM_TOKENS);
  const perStream = costs.token + costs.verification + costs.request / NUM_TOKENS;
  const us = (costs.step + numStreams * perStream) / 1000;
  rows.push([
    String(numStreams),
    stepMs.toFixed(2),
    us.toFixed(1),
    `${(us / stepMs / 10).toFixed(3)}%`,
  ]);
}
printTable(rows);

function nanoseconds(work: () => void): number {
  return median(Array.from({ length: NUM_RUNS }, () => {
    const startedAt = performance.now();
    for (let i = 0; i < RUN_LENGTH; i++) work();
    return (performance.now() - startedAt) * 1e6 / RUN_LENGTH;
  }));
}

async function scrapeTime(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 99; i++) {
    const startedAt = performance.now();
    await metrics.text(() => Promise.resolve(idleState), () => facts);
    times.push(performance.now() - startedAt);
  }
  return median(times);
}
