/**
 * The races that a page has run, and the medians of their ratios.
 *
 * @module
 */
import { median } from "../api/median.ts";
import type { Comparison } from "./compare_tokens.ts";
import type { SpeedUp } from "./pace.ts";
import type { Start } from "./run_race.ts";

/** A race that is over, both of its answers whole. */
export interface PastRace {
  readonly number: number;
  readonly prompt: string;
  readonly seed: number;
  readonly temperature: number;
  readonly start: Start;
  readonly comparison: Comparison;
  readonly acceptLength: number | undefined;
  /** Undefined where the texts differ. */
  readonly speedUp: SpeedUp | undefined;
}

/** Races that are kept. */
const MAX_RACES = 20;

/** Adds a race and forgets the oldest of too many. */
export function addRace(races: readonly PastRace[], race: PastRace): readonly PastRace[] {
  return [...races, race].slice(-MAX_RACES);
}

/** Medians of the races that ran one after the other, and how many there are. */
export function mediansOf(races: readonly PastRace[]): {
  readonly numRaces: number;
  readonly decode: number | undefined;
  readonly whole: number | undefined;
} {
  const counted = races.filter(({ start }) => start !== "at once").flatMap(({ speedUp }) => speedUp ?? []);
  return {
    numRaces: counted.length,
    decode: median(counted.flatMap(({ decode }) => decode ?? [])),
    whole: median(counted.map(({ whole }) => whole)),
  };
}
