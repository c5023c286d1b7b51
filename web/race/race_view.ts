/**
 * The race: one prompt with speculation and without, side by side.
 *
 * @module
 */
import { numTokensOf } from "../api/answer.ts";
import { html, useState, type VNode } from "../ui/html.ts";
import { acceptLengths } from "./accept_lengths.ts";
import { Lane } from "./lane.ts";
import { PastRaces } from "./past_races.ts";
import { RaceForm, type RaceSettings } from "./race_form.ts";
import { resultOf, ResultView } from "./result.ts";
import { addRace, type PastRace } from "./race_history.ts";
import { type Race, SIDES, type Start } from "./run_race.ts";
import { samples } from "./samples.ts";
import { UndraftedNotice } from "./undrafted_notice.ts";
import { useRace } from "./use_race.ts";

/** Properties of {@linkcode RaceView}. */
export interface RaceViewProps {
  readonly apiKey: string;
  /** Sampling fields of the API as the settings have them. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** System prompt of the settings; empty for none. */
  readonly system: string;
}

/** What is used where neither the settings nor the form say anything. Drafts do best without temperature. */
const FALLBACK = { seed: 1, temperature: 0, maxTokens: 200 };

/** The race. Numbers are the settings' own until they are changed here. */
export function RaceView({ apiKey, fields, system }: RaceViewProps): VNode {
  const { max_completion_tokens, seed, temperature, ...sampling } = fields;
  const [own, setOwn] = useState<Partial<RaceSettings>>({});
  const [past, setPast] = useState<readonly PastRace[]>([]), [numStarted, setNumStarted] = useState(0);
  const [barTokens, setBarTokens] = useState(0), { race, isRunning, now, start, stop } = useRace();
  const settings: RaceSettings = {
    prompt: samples[0]!.prompt,
    seed: numberOr(seed, FALLBACK.seed),
    temperature: numberOr(temperature, FALLBACK.temperature),
    maxTokens: numberOr(max_completion_tokens, FALLBACK.maxTokens),
    order: "taking turns",
    ...own,
  };
  const result = resultOf(race);

  const run = async () => {
    const { prompt, seed, temperature, maxTokens, order } = settings, first = startOf(order, numStarted);
    const number = numStarted + 1;
    setNumStarted(number);
    setBarTokens(maxTokens);
    const over = await start({
      messages: [
        ...system ? [{ role: "system" as const, content: system }] : [],
        { role: "user", content: prompt },
      ],
      fields: { ...sampling, seed, temperature, max_completion_tokens: maxTokens },
      apiKey,
      start: first,
    });
    const { comparison, speedUp, acceptLength } = resultOf(over);
    if (comparison === undefined || SIDES.some((side) => over.answers[side]!.state !== "ended")) return;
    setPast((past) =>
      addRace(past, { number, prompt, seed, temperature, start: first, comparison, acceptLength, speedUp })
    );
  };

  return html`
    <section class="race" aria-labelledby="race-heading">
      <h2 id="race-heading">Race</h2>
      <p>The same request twice: with speculation, and decoded plainly. The texts must be equal.</p>
      <${RaceForm}
        settings=${settings}
        isRunning=${isRunning}
        isAgain=${numStarted > 0}
        onChange=${(changed: Partial<RaceSettings>) => setOwn((own) => ({ ...own, ...changed }))}
        onStart=${run}
        onStop=${stop}
      />
      ${FAIRNESS}
      <${ResultView} race=${race} result=${result} />
      ${result.isUndrafted && html`<${UndraftedNotice} apiKey=${apiKey} />`}
      <div class="lanes">
        ${SIDES.map((side) =>
          html`
            <${Lane}
              key=${side}
              side=${side}
              answer=${race.answers[side]}
              isRunning=${isRunning}
              now=${now}
              full=${finishLine(race, barTokens)}
              top=${highest(race)}
            />
          `
        )}
      </div>
      <${PastRaces} races=${past} />
    </section>
  ` as VNode;
}

const FAIRNESS = html`
  <details class="race-rules">
    <summary>How the race is run</summary>
    <ul>
      <li>
        Before either clock starts, a request for one token reads the prompt. Both runs find it in the prefix cache,
        all but its last tokens, so that neither has to read it for the other.
      </li>
      <li>
        One run follows the other, so that neither takes the other's cores. “At once” lets them share cores and
        forwards; such races do not count in the median.
      </li>
      <li>Seed and settings are the same, and both are drawn ten times a second.</li>
      <li>
        NGRAM remembers answers: after a plain run or an earlier race it knows the text. For it, the first race of a
        prompt with speculation first is the fair one.
      </li>
    </ul>
  </details>
`;

/** Which run starts first in a race, the first race being number 0. */
export function startOf(order: RaceSettings["order"], raceIndex: number): Start {
  switch (order) {
    case "at once":
      return "at once";
    case "speculation first":
      return "speculative";
    case "plain first":
      return "plain";
    case "taking turns":
      return raceIndex % 2 === 0 ? "speculative" : "plain";
  }
}

/** Tokens of a full bar: those of a run that has ended, until then as many as there may be. */
function finishLine({ answers }: Race, maxTokens: number): number {
  const ended = SIDES.flatMap((side) => answers[side] ?? []).filter(({ state }) => state === "ended");
  return ended.length === 0 ? maxTokens : Math.max(...ended.map(({ rounds }) => numTokensOf(rounds)));
}

/** The longest accept length of a race, at least 2. */
function highest({ answers }: Race): number {
  return SIDES.flatMap((side) => acceptLengths(answers[side]?.rounds ?? [])).reduce(
    (a, b) => Math.max(a, b),
    2,
  );
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value : otherwise;
}
