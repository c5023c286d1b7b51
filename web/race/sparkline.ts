/**
 * Accept length from round to round, as a small line.
 *
 * @module
 */
import { acceptLengthOf, type SpeculationRound } from "../api/answer.ts";
import { html, type VNode } from "../ui/html.ts";
import { acceptLengths, thinned } from "./accept_lengths.ts";

/** Points of a line at most: more cannot be told apart at its width. */
const MAX_POINTS = 120;
const WIDTH = 240, HEIGHT = 36;

/** Properties of {@linkcode Sparkline}. */
export interface SparklineProps {
  readonly rounds: readonly SpeculationRound[];
  /** Accept length at the top of the drawing, so that two lines have one scale. */
  readonly top: number;
}

/** Accept length per round. Without rounds it keeps its place. */
export function Sparkline({ rounds, top }: SparklineProps): VNode {
  const lengths = acceptLengths(rounds), points = thinned(lengths, MAX_POINTS);
  const place = (value: number, index: number) => {
    const x = points.length === 1 ? WIDTH / 2 : WIDTH * index / (points.length - 1);
    return `${x.toFixed(1)},${(HEIGHT - (HEIGHT - 4) * value / Math.max(top, 1) - 2).toFixed(1)}`;
  };
  return html`
    <svg
      class="sparkline"
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      preserveAspectRatio="none"
      role="img"
      aria-label=${describe(rounds, lengths)}
    >
      <polyline points=${points.map(place).join(" ")} />
    </svg>
  ` as VNode;
}

function describe(rounds: readonly SpeculationRound[], lengths: readonly number[]): string {
  if (lengths.length === 0) return "Accept length by round: none yet";
  const most = lengths.reduce((a, b) => Math.max(a, b));
  return `Accept length by round: ${acceptLengthOf(rounds)!.toFixed(2)} on average, ` +
    `${most} at most, ${lengths.length} rounds`;
}
