/**
 * What went wrong with an answer, and what can be done.
 *
 * @module
 */
import type { ApiFailure } from "../api/answer.ts";
import { html, useEffect, useState, type VNode } from "../ui/html.ts";
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
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 250);
    return () => clearInterval(timer);
  }, [until]);
  const seconds = Math.max(0, Math.ceil((until - now) / 1000));
  return html`<p class="countdown">Asking again in ${seconds} s</p>` as VNode;
}
