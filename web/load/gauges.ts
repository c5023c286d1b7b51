/**
 * The gauges: what each shows, and how its numbers are written.
 *
 * @module
 */
import type { LoadSample, Quantity } from "./load_samples.ts";

/** A gauge. */
export interface Gauge {
  readonly name: string;
  readonly quantity: Quantity;
  /** Value at the top of the chart at least, and at all where values cannot be higher. */
  readonly top: number;
  readonly show: (value: number) => string;
}

/** All gauges. */
export const gauges: readonly Gauge[] = [
  { name: "KV pool", quantity: "kvUse", top: 1, show: (share) => `${(100 * share).toFixed(1)} %` },
  { name: "Running", quantity: "numRunning", top: 2, show: String },
  { name: "Queue", quantity: "numWaiting", top: 2, show: String },
  { name: "Tokens/s", quantity: "throughput", top: 10, show: (speed) => speed.toFixed(1) },
  { name: "Accept length", quantity: "acceptLength", top: 2, show: (length) => length.toFixed(2) },
];

/** The newest value of a gauge, as it is written. */
export function newest({ quantity, show }: Gauge, samples: readonly LoadSample[]): string {
  const value = samples.at(-1)?.[quantity] ?? undefined;
  return value === undefined ? "–" : show(value);
}

/** What a chart shows, for those who do not see it. */
export function describeChart(gauge: Gauge, samples: readonly LoadSample[]): string {
  const values = samples.flatMap((sample) => sample[gauge.quantity] ?? []);
  if (values.length === 0) return `${gauge.name}: no values yet`;
  const most = values.reduce((a, b) => Math.max(a, b));
  return `${gauge.name}: ${newest(gauge, samples)} now, ${gauge.show(most)} at most in the last 3 minutes`;
}
