/**
 * The races that this page has run, with the medians of their ratios.
 *
 * @module
 */
import { html, type VNode } from "../ui/html.ts";
import type { Comparison } from "./compare_tokens.ts";
import { median, showRatio, type SpeedUp, wordOf } from "./pace.ts";
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

const STARTS: Readonly<Record<Start, string>> = {
  speculative: "speculation first",
  plain: "plain first",
  "at once": "at once",
};

/** Properties of {@linkcode PastRaces}. */
export interface PastRacesProps {
  readonly races: readonly PastRace[];
}

/** The table of races, the newest one first. */
export function PastRaces({ races }: PastRacesProps): VNode | null {
  if (races.length === 0) return null;
  const medians = mediansOf(races);
  return html`
    <div class="past-races" role="region" aria-label="Last races" tabindex="0">
      <table>
        <caption>Last races on this page</caption>
        <thead>
          <tr>
            <th scope="col">Race</th>
            <th scope="col">Prompt</th>
            <th scope="col">Seed</th>
            <th scope="col">Temperature</th>
            <th scope="col">Start</th>
            <th scope="col">Texts</th>
            <th scope="col">Accept length</th>
            <th scope="col">After the first token</th>
            <th scope="col">Whole answer</th>
          </tr>
        </thead>
        <tbody>
          ${races.toReversed().map((race) =>
            html`
              <tr key=${race.number}>
                <th scope="row">${race.number}</th>
                <td class="past-prompt" dir="auto">${race.prompt}</td>
                <td>${race.seed}</td>
                <td>${race.temperature}</td>
                <td>${STARTS[race.start]}</td>
                <td class=${race.comparison.verdict === "different" ? "difference" : ""}>
                  ${race.comparison.verdict}, ${race.comparison.numEqual}
                </td>
                <td>${race.acceptLength?.toFixed(2) ?? "–"}</td>
                <td>${ratioText(race.speedUp?.decode)}</td>
                <td>${ratioText(race.speedUp?.whole)}</td>
              </tr>
            `
          )}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colspan="7">Median of ${medians.numRaces} run one after the other</th>
            <td>${ratioText(medians.decode)}</td>
            <td>${ratioText(medians.whole)}</td>
          </tr>
        </tfoot>
      </table>
    </div>
  ` as VNode;
}

function ratioText(ratio: number | undefined): string {
  return ratio === undefined ? "–" : `${showRatio(ratio)}, ${wordOf(ratio)}`;
}
