/**
 * One run of a race: its clock, its bar, its numbers and its text.
 *
 * @module
 */
import { acceptLengthOf, type Answer, numTokensOf, tokensPerSecond } from "../api/answer.ts";
import { AnswerView } from "../tokens/answer_view.ts";
import { html, type VNode } from "../ui/html.ts";
import { FailureNotice } from "./failure_notice.ts";
import { clockMs, showSeconds, timesOf } from "./pace.ts";
import type { Side } from "./run_race.ts";
import { Sparkline } from "./sparkline.ts";

/** Names of the runs. */
export const NAMES: Readonly<Record<Side, string>> = {
  speculative: "With speculation",
  plain: "Plain",
};

/** Properties of {@linkcode Lane}. */
export interface LaneProps {
  readonly side: Side;
  /** Undefined before the run starts. */
  readonly answer: Answer | undefined;
  /** Whether the race goes on, so that a run that has not started will. */
  readonly isRunning: boolean;
  readonly now: number;
  /** Tokens of a full bar. */
  readonly full: number;
  /** Accept length at the top of the sparkline. */
  readonly top: number;
}

/** A run. */
export function Lane({ side, answer, isRunning, now, full, top }: LaneProps): VNode {
  const rounds = answer?.rounds ?? [], times = answer && timesOf(answer);
  const numTokens = numTokensOf(rounds);
  const speed = answer && tokensPerSecond(answer), acceptLength = acceptLengthOf(rounds);
  return html`
    <section class="lane lane-${side}" aria-labelledby="lane-${side}">
      <h3 id="lane-${side}">${NAMES[side]}</h3>
      <p class="lane-state">${describeState(answer, isRunning)}</p>
      <p class="lane-clock">${answer ? showSeconds(clockMs(answer, now)) : NONE}</p>
      <progress
        max=${Math.max(full, 1)}
        value=${Math.min(numTokens, full)}
        aria-label="Tokens, ${NAMES[side].toLowerCase()}"
      ></progress>
      <dl>
        <div><dt>Tokens</dt><dd>${numTokens}</dd></div>
        <div><dt>First token</dt><dd>${times ? `${times.firstMs.toFixed(0)} ms` : NONE}</dd></div>
        <div><dt>Tokens/s</dt><dd>${speed?.toFixed(1) ?? NONE}</dd></div>
        <div><dt>Accept length</dt><dd>${acceptLength?.toFixed(2) ?? NONE}</dd></div>
      </dl>
      <${Sparkline} rounds=${rounds} top=${top} />
      ${answer?.failure && html`<${FailureNotice} failure=${answer.failure} />`}
      <div class="lane-text">${answer && html`<${AnswerView} answer=${answer} mode="tokens" />`}</div>
    </section>
  ` as VNode;
}

/** Stands where there is no number yet. */
const NONE = "–";

/** What a run does. */
function describeState(answer: Answer | undefined, isRunning: boolean): string {
  if (answer === undefined) return isRunning ? "waits for its turn" : "not run";
  switch (answer.state) {
    case "waiting":
      return "waits for the first token";
    case "running":
      return "writes";
    case "stopped":
      return "stopped";
    case "failed":
      return "failed";
    case "ended":
      return answer.finishReason === "length" ? "done, at the limit of tokens" : "done";
  }
}
