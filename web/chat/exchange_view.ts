/**
 * A question with its answer.
 *
 * @module
 */
import { type Answer, isGoing } from "../api/answer.ts";
import { AnswerView } from "../tokens/answer_view.ts";
import { CopyButton } from "../ui/copy_button.ts";
import { html, useState, type VNode } from "../ui/html.ts";
import { Icon } from "../ui/icon.ts";
import { memo } from "../ui/memo.ts";
import { AnswerStats } from "./answer_stats.ts";
import { FailureCard } from "./failure_card.ts";
import { focusQuestion } from "./focus.ts";
import type { Playground } from "./playground.ts";
import { QuestionEditor } from "./question_editor.ts";

/** Properties of {@linkcode ExchangeView}. */
export interface ExchangeViewProps {
  readonly playground: Playground;
  /** Of the conversation. */
  readonly id: string;
  readonly index: number;
  readonly question: string;
  readonly answer: Answer | undefined;
  readonly view: "tokens" | "reading";
  /** Time of a plain step as the server measured it. */
  readonly plainStepMs: number | undefined;
  readonly retryAt: number | undefined;
}

/** A question with its answer; drawn anew only when they change. */
export const ExchangeView: new (props: ExchangeViewProps) => unknown = memo(drawExchange);

function drawExchange(props: ExchangeViewProps): VNode {
  const { playground, id, index, question, answer } = props;
  const [isEdited, setEdited] = useState(false);
  return html`
    <li class="exchange">
      <article class="question" aria-label="Question ${index + 1}">
        <h3 class="hidden">You</h3>
        ${isEdited
          ? html`
            <${QuestionEditor}
              conversations=${playground.conversations}
              id=${id}
              index=${index}
              question=${question}
              onSend=${(text: string) => {
                setEdited(false);
                playground.askAgain(id, index, text);
                focusQuestion();
              }}
              onCancel=${() => setEdited(false)}
            />
          `
          : html`
            <div class="bubble" dir="auto">${question}</div>
            <div class="tools">
              <button type="button" class="quiet" aria-label="Edit question" title="Edit question"
                onClick=${() => setEdited(true)}>
                <${Icon} name="edit" />
              </button>
              <${CopyButton} label="Copy question" text=${() => question} />
            </div>
          `}
      </article>
      <article class="reply" aria-label="Answer ${index + 1}" aria-busy=${isGoing(answer) ? "true" : "false"}>
        <h3 class="hidden">Answer</h3>
        <${Reply} ...${props} />
      </article>
    </li>
  ` as VNode;
}

function Reply({ playground, id, index, answer, view, plainStepMs, retryAt }: ExchangeViewProps): VNode {
  const { answering } = playground;
  const again = () => {
    playground.askAgain(id, index);
    focusQuestion();
  };
  if (answer === undefined) {
    return html`
      <p class="muted">Not answered.</p>
      <button type="button" onClick=${again}>Send again</button>
    ` as VNode;
  }
  const goes = isGoing(answer);
  return html`
    ${answer.state === "waiting" && html`<p class="waiting"><span></span><span></span><span></span>
      <span class="hidden">Waiting for the answer</span></p>`}
    ${answer.text !== "" && html`<${AnswerView} answer=${answer} mode=${view} plainStepMs=${plainStepMs} />`}
    ${answer.text === "" && answer.state === "stopped" && html`<p class="muted">Stopped before it began.</p>`}
    ${answer.text === "" && answer.state === "ended" && html`<p class="muted">The answer is empty.</p>`}
    ${answer.failure !== undefined && html`
      <${FailureCard}
        failure=${answer.failure}
        retryAt=${retryAt}
        onRetry=${again}
        onCancelRetry=${() => {
          answering.cancelRetry(id);
          focusQuestion();
        }}
        onKey=${() => playground.showField("key")}
      />
    `}
    <div class="reply-end">
      ${!goes && html`
        <div class="tools">
          ${answer.text !== "" && html`<${CopyButton} label="Copy answer" text=${() => answer.text} />`}
          <button type="button" class="quiet" aria-label="Regenerate" title="Regenerate" onClick=${again}>
            <${Icon} name="again" />
          </button>
        </div>
      `}
      ${answer.firstAt !== undefined && html`<${AnswerStats} answer=${answer} />`}
    </div>
  ` as VNode;
}
