/**
 * What went wrong with an answer, and what can be done.
 *
 * @module
 */
import type { ApiFailure } from "../api/answer.ts";
import { useSecondsUntil } from "../ui/countdown.ts";
import { html, type VNode } from "../ui/html.ts";
import { Icon } from "../ui/icon.ts";

const TITLES: Readonly<Record<ApiFailure["kind"], string>> = {
  unauthorized: "The server wants another API key",
  overloaded: "The server is busy",
  unreachable: "The server is gone",
  refused: "The server refuses this",
  broken: "The server cannot answer this",
};

/** Properties of {@linkcode FailureCard}. */
export interface FailureCardProps {
  readonly failure: ApiFailure;
  /** When the question is asked again by itself, by `performance.now()`. */
  readonly retryAt: number | undefined;
  readonly onRetry: () => void;
  readonly onCancelRetry: () => void;
  /** Moves the focus to the API key. */
  readonly onKey: () => void;
}

/** A notice with the server's words. */
export function FailureCard(props: FailureCardProps): VNode {
  const { failure, retryAt, onRetry, onCancelRetry, onKey } = props;
  return html`
    <div class="notice failure">
      <${Icon} name="alert" />
      <div>
        <strong>${TITLES[failure.kind] ?? "It failed"}</strong>
        <p dir="auto">${failure.message}</p>
        ${retryAt !== undefined && html`<${Countdown} until=${retryAt} />`}
        <div class="actions">
          ${failure.kind === "unauthorized" && html`
            <button type="button" onClick=${onKey}>Enter the key</button>
          `}
          <button type="button" onClick=${onRetry}>${retryAt === undefined ? "Send again" : "Now"}</button>
          ${retryAt !== undefined && html`
            <button type="button" class="quiet" onClick=${onCancelRetry}>Do not ask again</button>
          `}
        </div>
      </div>
    </div>
  ` as VNode;
}

function Countdown({ until }: { readonly until: number }): VNode {
  return html`<p class="countdown">Asking again in ${useSecondsUntil(until)} s</p>` as VNode;
}
