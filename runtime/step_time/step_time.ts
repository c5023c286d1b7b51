/**
 * Step times, learnt from the steps that were made, and the chunked prefill budget that follows: how many prompt rows a
 * step beside decoding sequences may have. There are no trials of chunks at start: they would take half a second with a
 * small model and a minute with a large one, and what other processes do to the machine later has to be learnt anyway.
 *
 * @module
 */

/** Plain steps that one with prompts may take, however long they are. */
const MAX_PLAIN_STEPS = 8;
/** Rows that a chunk's size is a multiple of: the kernels compute rows in groups of this size. */
const ROW_MULTIPLE = 16;
/** Weight of the newest step with prompts, and of the newest without. */
const PROMPT_WEIGHT = 1 / 4, PLAIN_WEIGHT = 1 / 16;
/** Clamp on the ratio of measured to expected time, either way: outliers, such as a descheduled process. */
const MAX_DEVIATION = 8;
/** Share of a deviation that is put down to the machine, which is faster or slower now whatever it computes. */
const MACHINE_SHARE = 1 / 4;
/** Initial ratio of the price of a row to the price of a token that it sees. */
const TOKENS_PER_ROW = 1000;

/** Rows of a forward. */
export interface Work {
  readonly numRows: number;
  /** Tokens of context that each row sees, over all rows. */
  readonly numSeen: number;
}

/** What a forward computes. */
export interface StepWork {
  /** Rows of decoding sequences, drafts included. */
  readonly decode: Work;
  /** Rows of prompts. */
  readonly prompt: Work;
}

/** Milliseconds by row and by token that a row sees. */
interface Price {
  rowMs: number;
  seenMs: number;
}

/** Prices of the parts of a step. */
export interface StepTimes {
  /** Price of a step whatever its rows: weights are read once. */
  fixedMs: number;
  /** Prices of decode rows: few, each with a context of its own. */
  readonly decode: Price;
  /** Prices of prompt rows: many, which share a context. */
  readonly prompt: Price;
  /** Steps without prompts, and rows of prompts, that the prices were learnt from. */
  numPlainSteps: number;
  numPromptRows: number;
}

/** Work of no rows. */
export const noWork: Work = { numRows: 0, numSeen: 0 };

/** Initial state, before any step: all prices are 0. */
export function createStepTimes(): StepTimes {
  return {
    fixedMs: 0,
    decode: { rowMs: 0, seenMs: 0 },
    prompt: { rowMs: 0, seenMs: 0 },
    numPlainSteps: 0,
    numPromptRows: 0,
  };
}

/** Work of `numRows` of a sequence of which `start` tokens are computed, and of draft nodes behind them. */
export function workOf(start: number, numRows: number, numNodes = 0): Work {
  const end = start + numRows;
  return {
    numRows: numRows + numNodes,
    numSeen: numRows * start + numRows * (numRows + 1) / 2 + numNodes * end,
  };
}

/** Sum of two amounts of work. */
export function addWork(a: Work, b: Work): Work {
  return { numRows: a.numRows + b.numRows, numSeen: a.numSeen + b.numSeen };
}

/**
 * Learns from a step: the share of a deviation that is not the machine's falls on each price by its part of the step.
 *
 * @param ms what the step took
 */
export function observeStepTime(times: StepTimes, step: StepWork, ms: number): void {
  const { decode, prompt } = step;
  const numRows = decode.numRows + prompt.numRows;
  if (ms <= 0 || numRows === 0) return;
  const isFirst = times.fixedMs === 0;
  if (isFirst) assume(times, ms / (1 + numRows + (decode.numSeen + prompt.numSeen) / TOKENS_PER_ROW));
  const weight = weightOf(times, prompt.numRows);
  if (isFirst) return;

  const expected = stepMs(times, step);
  const measured = Math.min(MAX_DEVIATION * expected, Math.max(expected / MAX_DEVIATION, ms));
  const parts = [
    times.fixedMs,
    times.decode.rowMs * decode.numRows,
    times.decode.seenMs * decode.numSeen,
    times.prompt.rowMs * prompt.numRows,
    times.prompt.seenMs * prompt.numSeen,
  ] as const;
  const squares = parts.reduce((sum, part) => sum + part * part, 0);
  const deviation = expected * ((measured / expected) ** weight - 1);
  const change = (part: number) =>
    Math.max(
      1 / MAX_DEVIATION,
      1 + deviation * (MACHINE_SHARE / expected + (1 - MACHINE_SHARE) * part / squares),
    );
  times.fixedMs *= change(parts[0]);
  times.decode.rowMs *= change(parts[1]);
  times.decode.seenMs *= change(parts[2]);
  times.prompt.rowMs *= change(parts[3]);
  times.prompt.seenMs *= change(parts[4]);
}

/** Time that a step probably takes, milliseconds. */
export function stepMs(times: StepTimes, { decode, prompt }: StepWork): number {
  return times.fixedMs + workMs(times.decode, decode) + workMs(times.prompt, prompt);
}

/** Time that a step with prompts may take beside these decoding sequences: `maxStepMs`, or some plain steps if they are longer. */
export function stepBoundMs(times: StepTimes, decode: Work, maxStepMs: number): number {
  return Math.max(maxStepMs, MAX_PLAIN_STEPS * stepMs(times, { decode, prompt: noWork }));
}

/** Time left for prompts within {@linkcode stepBoundMs}, milliseconds: at least seven eighths of it. */
export function promptBudgetMs(times: StepTimes, decode: Work, maxStepMs: number): number {
  return stepBoundMs(times, decode, maxStepMs) - stepMs(times, { decode, prompt: noWork });
}

/** Time that rows of prompts add to a step, milliseconds. */
export function promptMs({ prompt }: StepTimes, work: Work): number {
  return workMs(prompt, work);
}

/**
 * Rows, of `numWanted` behind `start` tokens, that take no longer than `budgetMs`: all that are wanted, or a multiple
 * of `ROW_MULTIPLE`, or as many as fit, but one at least, so that every prompt gets on.
 */
export function rowsInTime(
  { prompt: { rowMs, seenMs } }: StepTimes,
  { start, numWanted, budgetMs }: {
    readonly start: number;
    readonly numWanted: number;
    readonly budgetMs: number;
  },
): number {
  if (rowMs === 0 && seenMs === 0) return numWanted;
  // The root of: rows * (rowMs + seenMs * (start + 1/2)) + rows^2 * seenMs / 2 = budgetMs.
  const firstMs = rowMs + seenMs * (start + 0.5);
  const numFitting = Math.floor(
    2 * budgetMs / (firstMs + Math.sqrt(firstMs * firstMs + 2 * seenMs * budgetMs)),
  );
  if (numWanted <= numFitting) return numWanted;
  return numFitting < ROW_MULTIPLE ? Math.max(1, numFitting) : numFitting - numFitting % ROW_MULTIPLE;
}

/** Whether the first rows of a further prompt would fit `budgetMs`. */
export function hasTimeForRows(times: StepTimes, budgetMs: number): boolean {
  return promptMs(times, workOf(0, ROW_MULTIPLE)) <= budgetMs;
}

function workMs({ rowMs, seenMs }: Price, { numRows, numSeen }: Work): number {
  return rowMs * numRows + seenMs * numSeen;
}

/**
 * Initial prices, all derived from one price per row, until steps of several kinds were observed. They are too high, so
 * that no first step is too long.
 */
function assume(times: StepTimes, rowMs: number): void {
  times.fixedMs = rowMs;
  for (const price of [times.decode, times.prompt]) {
    price.rowMs = rowMs;
    price.seenMs = rowMs / TOKENS_PER_ROW;
  }
}

/** Weight of a step: the first steps weigh more, and so do steps with more rows. */
function weightOf(times: StepTimes, numPromptRows: number): number {
  if (numPromptRows === 0) return Math.max(PLAIN_WEIGHT, 1 / ++times.numPlainSteps);
  times.numPromptRows += numPromptRows;
  return Math.max(PROMPT_WEIGHT, numPromptRows / times.numPromptRows);
}
