/**
 * The table of the races that this page has run.
 *
 * @module
 */
import { html, type VNode } from "../ui/html.ts";
import { showRatio, wordOf } from "./pace.ts";
import { mediansOf, type PastRace } from "./race_history.ts";
import type { Start } from "./run_race.ts";

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
