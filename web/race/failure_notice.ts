/**
 * Why a run failed, and how long the server wants to be left alone.
 *
 * @module
 */
import type { ApiFailure } from "../api/answer.ts";
import { useSecondsUntil } from "../ui/countdown.ts";
import { html, useMemo, type VNode } from "../ui/html.ts";

/** Properties of {@linkcode FailureNotice}. */
export interface FailureNoticeProps {
  readonly failure: ApiFailure;
}

/** The server's words, with a countdown where it says when to come again. */
export function FailureNotice({ failure }: FailureNoticeProps): VNode {
  return html`
    <p class="notice">
      <span dir="auto">${failure.message}</span>${failure.retryAfterS !== undefined && html`
        <${Countdown} key=${failure} seconds=${failure.retryAfterS} />
      `}
    </p>
  ` as VNode;
}

function Countdown({ seconds }: { readonly seconds: number }): VNode {
  const until = useMemo(() => performance.now() + 1000 * seconds, [seconds]), left = useSecondsUntil(until);
  return html`<span class="countdown">${
    left > 0 ? `Again in ${left} s` : "Now it can be run again"
  }</span>` as VNode;
}
