// deno-lint-ignore-file camelcase -- fields are named as on the wire
/**
 * Random requests of all kinds at once on a pool that is too small for them, with pauses and clients that leave, under
 * every proposer: each gets the text of plain decoding, and rounds that say how it came about.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";
import type { SpeculationRound } from "../../routes/schema/speculation_round.ts";
import type { ModelConfig } from "../../runtime/contracts/checkpoint.ts";
import type { ServerArgs } from "../../runtime/contracts/server_args.ts";
import { type App, post } from "../support/http.ts";
import { withApp } from "../support/real_app.ts";
import { shapeArgs } from "../support/law.ts";
import { writeTinyHead } from "../support/tiny_head.ts";
import { ask, type Choice, type Request, requests } from "../support/mixed_requests.ts";
import { checkWireRounds } from "../support/wire_rounds.ts";

/** Checks a choice against the one of plain decoding, and its rounds against itself. */
function check(
  request: Request,
  { text, ids, rounds, finish, meta }: Choice,
  plain: Choice,
  isWhole: boolean,
): void {
  const echo = request.kind === "completions" && request.extras ? request.prompt : "";
  assert.deepEqual(ids, plain.ids.slice(0, ids.length));
  // An abort shows what was withheld, which plain decoding may have cut off or finished.
  const isAborted = meta?.finish_reason?.type === "abort";
  assert.ok(isAborted || plain.text.startsWith(text));
  if (isWhole) assert.deepEqual([text, ids, finish], [plain.text, plain.ids, plain.finish]);
  if (!request.reportsRounds) return assert.equal(rounds.length, 0);
  const shown = checkWireRounds(rounds);
  assert.ok(text.slice(echo.length).startsWith(shown.text));
  assert.deepEqual(shown.ids, ids.slice(0, shown.ids.length));
  if (request.speculative === false) assert.ok(rounds.every(({ tree }) => tree === null));
  if (!isWhole) return;
  assert.deepEqual([echo + shown.text, shown.ids], [text, ids]);
  // Behind a stop text there may be rounds that are counted and not shown.
  const reason = meta?.finish_reason;
  if (meta?.spec_verify_ct === undefined || reason?.type === "stop" && typeof reason.matched === "string") {
    return;
  }
  const sum = (count: (round: SpeculationRound) => number) =>
    rounds.reduce((sum, round) => sum + count(round), 0);
  assert.equal(sum(({ tree }) => tree?.tokens.length ?? 0), meta.spec_num_proposed_drafts);
  assert.equal(sum(({ tokens }) => tokens.length - 1), meta.spec_num_correct_drafts);
  // Steps that read the prompt, again after a preemption, verify nothing.
  const numRead = rounds.length - meta.spec_verify_ct;
  assert.ok(numRead >= 1 && numRead <= 1 + meta.num_retractions);
}

/** Waits until nothing runs for clients that left. */
async function allGone(app: App): Promise<void> {
  for (let isIdle = false; !isIdle;) {
    const { loads: [{ num_running_reqs, num_waiting_reqs }] } = await (await app.request("/v1/loads")).json();
    isIdle = num_running_reqs + num_waiting_reqs === 0;
    if (!isIdle) await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Posts all at once, pauses meanwhile, and checks what was answered. */
async function askAll(app: App, all: readonly Request[], plain: readonly (readonly Choice[])[]) {
  let isOver = false;
  const levers = (async () => {
    for (const mode of ["in_place", "retract"]) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (isOver) break;
      assert.equal((await post(app, "/pause_generation", { mode })).status, 200);
      assert.equal((await post(app, "/continue_generation", {})).status, 200);
    }
  })();
  const answers = await Promise.all(all.map((request) => ask(app, request)));
  isOver = true;
  await levers;
  await allGone(app);
  answers.forEach(({ choices, isWhole }, i) => {
    if (isWhole) assert.equal(choices.length, plain[i]!.length);
    choices.forEach((choice, index) => check(all[i]!, choice, plain[i]![index]!, isWhole));
  });
  const whole = answers.flatMap(({ choices }) => choices);
  const sum = (count: (choice: Choice) => number) => whole.reduce((sum, one) => sum + count(one), 0);
  seen.accepted += sum(({ rounds }) => rounds.flatMap(({ accepted }) => accepted).length);
  seen.left += answers.filter(({ isWhole }) => !isWhole).length;
}

const batches = fc.array(requests, { minLength: 12, maxLength: 12 });
/** Deep enough for heads that look at three layers. */
const withModel = (args: Parameters<typeof withApp>[0], body: Parameters<typeof withApp>[1]) =>
  withApp(args, body, { numLayers: 6 });
const SMALL = {
  maxTotalTokens: 448,
  maxRunningRequests: 12,
  chunkedPrefillSize: 16,
  maxQueuedRequests: 1000,
  scheduleConservativeness: 0,
} satisfies Partial<ServerArgs>;
const head =
  (algorithm: string, kind: "eagle" | "eagle3" | "mtp") => async (folder: string, target: ModelConfig) => {
    await writeTinyHead(`${folder}/head`, { kind, seed: 4, target });
    return { speculativeAlgorithm: algorithm, speculativeDraftModelPath: `${folder}/head` };
  };
const itself = (folder: string) =>
  Promise.resolve({ speculativeAlgorithm: "STANDALONE", speculativeDraftModelPath: folder });
const ngram = () => Promise.resolve({ speculativeAlgorithm: "NGRAM" });

const WAYS = [
  ["NGRAM 3/4/16", ngram, shapeArgs([3, 4, 16])],
  ["STANDALONE 5/8/64", itself, shapeArgs([5, 8, 64])],
  ["EAGLE 3/4/16", head("EAGLE", "eagle"), shapeArgs([3, 4, 16])],
  ["EAGLE3, adaptive", head("EAGLE3", "eagle3"), { speculativeAdaptive: true }],
  ["NEXTN 1/1/2", head("NEXTN", "mtp"), shapeArgs([1, 1, 2])],
] as const;
const seen = { accepted: 0, retracted: 0, cached: 0, left: 0 };

for (const [name, flags, shape] of WAYS) {
  Deno.test(`real engine, ${name}: whatever comes at once gets its words and its rounds`, () =>
    withModel(
      { ...SMALL, speculativeAlgorithm: "NONE", maxTotalTokens: 4096 },
      (plainApp) =>
        withModel(async (...files) => ({ ...SMALL, ...await flags(...files), ...shape }), async (app) => {
          const property = fc.asyncProperty(batches, fc.constantFrom(1, 3), async (all, stream_interval) => {
            const settings = { server_args: { stream_interval } };
            assert.equal((await post(app, "/set_internal_state", settings)).status, 200);
            const plain: Choice[][] = [];
            for (const request of all) {
              const alone = { ...request, reportsRounds: false, leavesAfter: undefined, stream: false };
              plain.push((await ask(plainApp, { ...alone, speculative: undefined })).choices);
            }
            await askAll(app, all, plain);
          });
          await fc.assert(property, { numRuns: 2, endOnFailure: true });
          const metrics = await (await app.request("/metrics")).text();
          const valueOf = (name: string) =>
            Number(new RegExp(`^${name}\\S* (\\d+)$`, "m").exec(metrics)?.[1]);
          seen.retracted += valueOf("sglang:num_retracted_requests_total");
          seen.cached += valueOf("sglang:cached_tokens_total");
        }),
    ));
}

Deno.test("real engine: requests were drafted for, preempted, cached and left", () => {
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 0, `${what}: ${count}`);
});
