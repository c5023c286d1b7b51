/**
 * What a race showed: whether the texts are equal, and which run was faster.
 *
 * @module
 */
import { acceptLengthOf, isGoing } from "../api/answer.ts";
import { countOf } from "../ui/count.ts";
import { html, type VNode } from "../ui/html.ts";
import { compareTokens, type Comparison, type Token, tokenRun } from "./compare_tokens.ts";
import { FailureNotice } from "./failure_notice.ts";
import { NAMES } from "./lane.ts";
import { describeSpeedUp, type SpeedUp, speedUpOf } from "./pace.ts";
import { type Race, SIDES } from "./run_race.ts";

/** What is known of a race. */
export interface Result {
  /** Undefined until both runs have started. */
  readonly comparison: Comparison | undefined;
  /** Undefined unless both runs ended with the same tokens. */
  readonly speedUp: SpeedUp | undefined;
  /** That of the speculative run. */
  readonly acceptLength: number | undefined;
  /** Whether the speculative run is over and nothing was drafted for it. */
  readonly isUndrafted: boolean;
}

/** Looks at a race. */
export function resultOf({ answers: { speculative, plain } }: Race): Result {
  const comparison = speculative && plain && compareTokens(tokenRun(speculative), tokenRun(plain));
  return {
    comparison,
    speedUp: comparison?.verdict === "equal" ? speedUpOf(speculative!, plain!) : undefined,
    acceptLength: speculative && acceptLengthOf(speculative.rounds),
    isUndrafted: speculative?.state === "ended" && speculative.rounds.length > 1 &&
      speculative.rounds.every(({ tree }) => tree === null),
  };
}

/** Properties of {@linkcode ResultView}. */
export interface ResultViewProps {
  readonly race: Race;
  readonly result: Result;
}

/** The comparison as it goes on and, for screen readers too, where the race stands and how it ended. */
export function ResultView({ race, result: { comparison, speedUp } }: ResultViewProps): VNode {
  const difference = comparison?.difference;
  return html`
    <div class="result">
      <p class="comparison" data-verdict=${comparison?.verdict}>${comparison
        ? describeComparison(comparison)
        : "Texts: nothing to compare yet."}</p>
      ${difference && html`
        <p class="difference">
          Token ${difference.position}: ${NAMES.speculative.toLowerCase()}
          ${" "}<${TokenText} token=${difference.first} />, ${NAMES.plain.toLowerCase()}
          ${" "}<${TokenText} token=${difference.second} />.
        </p>
      `}
      <p class="verdict" role="status">
        ${describeRace(race, speedUp)}
        ${race.phase === "over" && comparison &&
          html`<span class="hidden">${" "}${describeComparison(comparison)}</span>`}
        <span class="hidden">${failureTexts(race)}</span>
      </p>
      ${race.failure && html`<${FailureNotice} failure=${race.failure} />`}
    </div>
  ` as VNode;
}

function TokenText({ token }: { token: Pick<Token, "id" | "text"> | undefined }): VNode {
  if (token === undefined) return html`<span>the end</span>` as VNode;
  return html`<span><code dir="auto">${JSON.stringify(token.text)}</code> (id ${token.id})</span>` as VNode;
}

/** Whether the texts are equal, in a sentence. */
function describeComparison({ verdict, numEqual, difference }: Comparison): string {
  const count = countOf(numEqual, "token");
  switch (verdict) {
    case "equal":
      return `Texts: equal, ${count}.`;
    case "equal so far":
      return `Texts: equal so far, ${count}.`;
    case "different":
      return `Texts: different from token ${difference!.position} on, after ${count} that are equal.`;
  }
}

/** Where a race stands; changes with its phases only, since it is read out. */
function describeRace(race: Race, speedUp: SpeedUp | undefined): string {
  if (race.phase === "ready") return "";
  if (race.phase === "reading") return "Reads the prompt before the clocks start.";
  if (race.phase === "running") {
    const running = SIDES.filter((side) => isGoing(race.answers[side]));
    return running.length === 2 ? "Both run." : running.map((side) => `${NAMES[side]}: runs.`).join("");
  }
  if (race.failure) return "The race did not start.";
  const failed = SIDES.filter((side) => race.answers[side]?.state === "failed");
  if (failed.length > 0) return failed.map((side) => `${NAMES[side]}: failed.`).join(" ");
  if (SIDES.some((side) => race.answers[side]?.state !== "ended")) return "Stopped.";
  return speedUp === undefined ? "Over." : `Over. ${describeSpeedUp(speedUp)}`;
}

/** What failures say, for the status line alone: they are seen where they belong. */
function failureTexts({ failure, answers }: Race): string {
  return [failure, ...SIDES.map((side) => answers[side]?.failure)].map((failure) => failure?.message ?? "")
    .join(" ");
}
