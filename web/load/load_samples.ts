/**
 * What the server said of its load over the last minutes.
 *
 * @module
 */

/** The load at one moment. */
export interface LoadSample {
  /** Seconds by `performance.now()`. */
  readonly atS: number;
  /** Share of the KV pool in use, 0 to 1. */
  readonly kvUse: number;
  /** Requests. */
  readonly numRunning: number;
  readonly numWaiting: number;
  /** Tokens generated per second by all requests. */
  readonly throughput: number;
  /** Since the server's start; null without speculation. */
  readonly acceptLength: number | null;
}

/** What a gauge shows. */
export type Quantity = Exclude<keyof LoadSample, "atS">;

/** Seconds that charts go back. */
export const SPAN_S = 180;

/** Seconds between two samples after which the line between them would be a guess. */
const GAP_S = 10;

/** The body of `/v1/loads`, as far as it is read here. */
export interface LoadsBody {
  readonly loads: readonly {
    readonly token_usage: number;
    readonly num_running_reqs: number;
    readonly num_waiting_reqs: number;
    readonly gen_throughput: number;
    readonly speculative?: { readonly accept_length: number };
  }[];
}

/** Reads an answer of `/v1/loads` that came at the given time. */
export function readLoads({ loads: [load] }: LoadsBody, atS: number): LoadSample {
  return {
    atS,
    kvUse: load!.token_usage,
    numRunning: load!.num_running_reqs,
    numWaiting: load!.num_waiting_reqs,
    throughput: load!.gen_throughput,
    acceptLength: load!.speculative?.accept_length ?? null,
  };
}

/** Adds a sample and forgets those that no chart shows any more. */
export function addSample(samples: readonly LoadSample[], sample: LoadSample): readonly LoadSample[] {
  return [...samples.filter(({ atS }) => atS >= sample.atS - SPAN_S), sample];
}

/** Times and values of a line, with a hole where nothing was asked for long. */
export function lineOf(samples: readonly LoadSample[], quantity: Quantity): [number[], (number | null)[]] {
  const times: number[] = [], values: (number | null)[] = [];
  for (const sample of samples) {
    const before = times.at(-1);
    if (before !== undefined && sample.atS - before > GAP_S) {
      times.push(before + 1);
      values.push(null);
    }
    times.push(sample.atS);
    values.push(sample[quantity]);
  }
  return [times, values];
}
