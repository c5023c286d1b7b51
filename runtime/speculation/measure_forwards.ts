/**
 * Trials of the target's forward at start: its time by number of rows, and what a context adds. They run before any
 * sequence owns pages, since they write to them.
 *
 * @module
 */
import type { VerifierConfig, VerifierInfo } from "../contracts/config.ts";
import { chainOf } from "../contracts/draft_tree.ts";
import { defaultSamplingParams } from "../contracts/sampling_params.ts";
import type { TargetRunner } from "../models/target_runner.ts";
import { SequenceSampling } from "../sampling/sequence_sampling.ts";
import { effortOn, measureContext, measureCurve } from "./measure.ts";
import { Verification } from "./verification.ts";

/** Numbers of rows whose cost is measured. */
const MEASURED_ROWS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
/** The same where a forward takes long and its time says little. */
const FEW_MEASURED_ROWS = [1, 8, 32];
/** Tokens of the context whose cost is measured, and rows behind it. */
const MEASURED_CONTEXT = 512, MEASURED_CONTEXT_ROWS = 8;

const SAMPLING = new SequenceSampling({
  requestId: "trial",
  sampling: { ...defaultSamplingParams, temperature: 0 },
  tokens: new Int32Array(0),
  numPromptTokens: 0,
}, []);

/** The part of a target runner that trials use. */
export type TrialRunner = Pick<TargetRunner, "runTrial" | "copySlots" | "slotsPerSequence">;

/** Milliseconds of a greedy forward of `numRows` rows of one sequence behind `start` tokens, all of them outputs. */
export function trialMs(
  runner: TrialRunner,
  config: Pick<VerifierConfig, "pageSize" | "acceptThresholds">,
  numRows: number,
  start = 0,
): number {
  const drafts = new Int32Array(numRows - 1);
  const segment = {
    requestId: "trial",
    tokens: Int32Array.of(0),
    start,
    pages: Int32Array.from({ length: Math.ceil((start + numRows) / config.pageSize) }, (_, page) => page),
    sample: true,
    tree: chainOf(drafts, new Float32Array(drafts)),
  };
  return runner.runTrial(new Verification([segment], () => SAMPLING, config));
}

/** Measures the cost curve of forwards by number of rows, and what a context adds, both in milliseconds. */
export function measureForwards(
  runner: TrialRunner,
  config: Pick<VerifierConfig, "device" | "pageSize" | "acceptThresholds" | "maxRows" | "maxOutputs">,
): Required<Pick<VerifierInfo, "forwardMs" | "contextMs">> {
  const { maxRows, maxOutputs } = config,
    numSlots = runner.slotsPerSequence,
    effort = effortOn(config.device);
  const wanted = effort === "once" ? FEW_MEASURED_ROWS : MEASURED_ROWS;
  const sizes = wanted.filter((numRows) => numRows <= Math.min(maxRows, maxOutputs, numSlots));
  const forwardMs = measureCurve(sizes, (numRows) => trialMs(runner, config, numRows), effort);
  const numRows = Math.min(MEASURED_CONTEXT_ROWS, sizes.at(-1)!);
  const contextTokens = Math.min(MEASURED_CONTEXT, numSlots - numRows);
  if (contextTokens <= 0) return { forwardMs, contextMs: { perSequence: 0, perRow: 0 } };
  // Writes the context's slots first: memory that was never written is one shared zero page, which stays in the caches.
  const slots = Int32Array.from({ length: contextTokens }, (_, slot) => slot);
  runner.copySlots({ from: new Int32Array(contextTokens), to: slots });
  const contextMs = measureContext(
    numRows,
    contextTokens,
    (numRows, start) => trialMs(runner, config, numRows, start),
    effort,
  );
  return { forwardMs, contextMs };
}
