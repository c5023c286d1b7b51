/**
 * Accept length from round to round.
 *
 * @module
 */
import type { SpeculationRound } from "../api/answer.ts";

/** Tokens of each round after the prompt's. */
export function acceptLengths(rounds: readonly SpeculationRound[]): number[] {
  return rounds.slice(1).map(({ tokens }) => tokens.length);
}

/** Means of equal stretches, so many at most. */
export function thinned(values: readonly number[], maxPoints: number): number[] {
  const stretch = Math.max(1, Math.ceil(values.length / maxPoints));
  return Array.from({ length: Math.ceil(values.length / stretch) }, (_, index) => {
    const part = values.slice(index * stretch, (index + 1) * stretch);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
