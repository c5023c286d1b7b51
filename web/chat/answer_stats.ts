/**
 * How fast an answer came.
 *
 * @module
 */
import { acceptLengthOf, type Answer, tokensPerSecond } from "../api/answer.ts";
import { countOf } from "../ui/count.ts";
import { html, type VNode } from "../ui/html.ts";

/** Properties of {@linkcode AnswerStats}. */
export interface AnswerStatsProps {
  readonly answer: Answer;
}

/** Tokens a second, time to the first token, accept length, number of tokens. */
export function AnswerStats({ answer }: AnswerStatsProps): VNode {
  const { firstAt, sentAt, numTokens, finishReason, state } = answer;
  const speed = tokensPerSecond(answer), acceptLength = acceptLengthOf(answer.rounds);
  const facts = [
    speed !== undefined && ["Speed", `${speed.toFixed(speed < 10 ? 1 : 0)} tokens/s`],
    firstAt !== undefined && ["Time to first token", `${toDuration(firstAt - sentAt)} to first token`],
    acceptLength !== undefined && ["Tokens of a verification", `accept length ${acceptLength.toFixed(2)}`],
    numTokens !== undefined && ["Length", countOf(numTokens, "token")],
    state === "stopped" && ["End", "stopped"],
    finishReason === "length" && ["End", "cut at its length"],
  ].filter((fact) => fact !== false);
  return html`
    <ul class="stats" aria-label="Measurements">
      ${facts.map(([title, text]) => html`<li title=${title}>${text}</li>`)}
    </ul>
  ` as VNode;
}

function toDuration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
