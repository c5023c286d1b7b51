/**
 * Choice of the number of threads of a forward: at start the fastest, later fewer while other processes use the CPU. A
 * thread that waits for a core delays all others at every barrier, so on a busy machine fewer threads can be many times
 * faster. The number of threads never changes a result.
 *
 * @module
 */

/** Ratio of times below which a trial's setting is preferred. */
const CLEARLY_FASTER = 0.9;
/** Forwards per setting at start; the fastest counts, since other processes only ever make a forward longer. */
const NUM_START_TRIALS = 6;
/** Forwards per trial later. */
const NUM_TRIALS = 2;
/** A setting this much slower than it once was is a reason to try another. */
const SLOWED_DOWN = 1.25;
/** Share of the time that trials which change nothing may lose. */
const TRIAL_SHARE = 0.01;
/** Forwards between trials. */
const MIN_WAIT = 16, MAX_WAIT = 512;
/** Weight of the newest forward in the moving average. */
const NEWEST_WEIGHT = 0.2;

/** Statistics of forwards of about the same number of rows. */
interface Statistics {
  /** Index of the setting in use. */
  at: number;
  /** Moving average per setting, and its lowest value ever; milliseconds. */
  readonly meanMs: (number | undefined)[];
  readonly bestMs: (number | undefined)[];
  /** Setting on trial. */
  trial: { readonly at: number; numLeft: number; bestMs: number; lostMs: number } | undefined;
  numUntilTrial: number;
}

/** Chooses among `max` threads and its halvings, separately for every power of two of rows. */
export class ThreadChoice {
  readonly #settings: readonly number[];
  readonly #statistics = new Map<number, Statistics>();
  #start = 0;

  constructor(max: number) {
    this.#settings = Array.from(
      { length: Math.floor(Math.log2(max)) + 1 },
      (_, i) => Math.floor(max / 2 ** i),
    );
  }

  /**
   * Tries all settings and starts from the fastest; `measureMs` runs a forward on a number of threads and returns its
   * time in milliseconds.
   */
  calibrate(measureMs: (threads: number) => number): number {
    const ms = this.#settings.map((threads) => {
      measureMs(threads); // warms caches
      return Math.min(...Array.from({ length: NUM_START_TRIALS }, () => measureMs(threads)));
    });
    this.#start = ms.reduce((best, _, i) => ms[i]! < ms[best]! * CLEARLY_FASTER ? i : best, 0);
    return this.#settings[this.#start]!;
  }

  /** Threads for the next forward, of `numRows` rows. */
  choose(numRows: number): number {
    const known = this.#of(numRows);
    if (!known.trial && known.numUntilTrial <= 0) known.trial = this.#nextTrial(known);
    return this.#settings[known.trial?.at ?? known.at]!;
  }

  /** Observes the time of that forward, milliseconds. */
  observe(numRows: number, ms: number): void {
    const known = this.#of(numRows), { trial, at } = known;
    if (!trial) {
      const mean = known.meanMs[at];
      known.meanMs[at] = mean === undefined ? ms : mean + NEWEST_WEIGHT * (ms - mean);
      known.bestMs[at] = Math.min(known.bestMs[at] ?? Infinity, known.meanMs[at]!);
      known.numUntilTrial--;
      return;
    }
    const mean = known.meanMs[at]!;
    trial.bestMs = Math.min(trial.bestMs, ms);
    trial.lostMs += Math.max(0, ms - mean);
    if (--trial.numLeft > 0 && ms < mean * SLOWED_DOWN) return;
    known.trial = undefined;
    // Wait before the next trial, by the time that this one lost: cheap trials are repeated sooner.
    const wait = Math.ceil(trial.lostMs / mean / TRIAL_SHARE);
    known.numUntilTrial = Math.min(MAX_WAIT, Math.max(MIN_WAIT, wait));
    if (trial.bestMs >= mean * CLEARLY_FASTER) return;
    known.at = trial.at;
    known.meanMs[trial.at] = trial.bestMs;
  }

  /** Fewer threads if the present number has become slow; more again, from time to time, if there are fewer. */
  #nextTrial({ at, meanMs, bestMs }: Statistics): Statistics["trial"] {
    const isSlow = meanMs[at]! > bestMs[at]! * SLOWED_DOWN;
    const next = isSlow && at + 1 < this.#settings.length ? at + 1 : at > this.#start ? at - 1 : undefined;
    return next === undefined ? undefined : { at: next, numLeft: NUM_TRIALS, bestMs: Infinity, lostMs: 0 };
  }

  #of(numRows: number): Statistics {
    const key = Math.ceil(Math.log2(numRows));
    let known = this.#statistics.get(key);
    if (!known) {
      const at = this.#start;
      known = { at, meanMs: [], bestMs: [], trial: undefined, numUntilTrial: MIN_WAIT };
      this.#statistics.set(key, known);
    }
    return known;
  }
}
