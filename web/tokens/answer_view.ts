/**
 * The text of an answer.
 *
 * @module
 */
import type { Answer } from "../api/answer.ts";
import { html, useEffect, useLayoutEffect, useMemo, useRef, type VNode } from "../ui/html.ts";
import { ReadingText } from "./reading_text.ts";
import { TokensView } from "./tokens_view.ts";

/** Properties of {@linkcode AnswerView}. */
export interface AnswerViewProps {
  readonly answer: Answer;
  /** Tokens by their origin, or formatted text. */
  readonly mode: "tokens" | "reading";
  /** Milliseconds of a plain step as the server measured it, for answers without plain rounds of their own. */
  readonly plainStepMs?: number | undefined;
}

/** The text of an answer, as tokens by origin or as formatted text; it stands below a heading of level 3. */
export function AnswerView({ answer, mode, plainStepMs }: AnswerViewProps): VNode {
  return (mode === "tokens"
    ? html`<${TokensView} answer=${answer} plainStepMs=${plainStepMs} />`
    : html`<${ReadingView} answer=${answer} />`) as VNode;
}

function ReadingView({ answer }: { readonly answer: Answer }): VNode {
  const host = useRef<HTMLDivElement>(null), text = useMemo(() => new ReadingText(), []);
  useLayoutEffect(() => host.current!.append(text.element), []);
  useLayoutEffect(() => text.update(answer), [answer]);
  useEffect(() => () => text.dispose(), []);
  return html`<div class="answer answer-reading" ref=${host}></div>` as VNode;
}
