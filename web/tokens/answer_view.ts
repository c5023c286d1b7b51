/**
 * The text of an answer.
 *
 * @module
 */
import type { Answer } from "../api/answer.ts";
import { html, type VNode } from "../ui/html.ts";

/** Properties of {@linkcode AnswerView}. */
export interface AnswerViewProps {
  readonly answer: Answer;
  /** Tokens by their origin, or formatted text. */
  readonly mode: "tokens" | "reading";
}

/** The text of an answer, as tokens by origin or as formatted text. */
export function AnswerView({ answer }: AnswerViewProps): VNode {
  return html`<div class="answer">${answer.text}</div>` as VNode;
}
