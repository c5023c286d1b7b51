/**
 * Notices about the whole page: the connection, what can be taken back, the browser's room.
 *
 * @module
 */
import { html, type VNode } from "../ui/html.ts";
import { Icon } from "../ui/icon.ts";
import { useValue } from "../ui/observable.ts";
import type { ConnectionState } from "./connection.ts";
import { focusQuestion } from "./focus.ts";
import type { Playground } from "./playground.ts";

const TEXTS: Partial<Record<ConnectionState["status"], string>> = {
  lost: "The server does not answer. This page waits for it; nothing is lost.",
  starting: "The server is starting. This page waits for it.",
  locked: "The server asks for an API key.",
};

/** Properties of {@linkcode Banner}. */
export interface BannerProps {
  readonly playground: Playground;
}

/** The notices there are. */
export function Banner({ playground }: BannerProps): VNode {
  const status = useValue(playground.connection.state, (state) => state.status);
  const notice = useValue(playground.notice), isFull = useValue(playground.conversations.isFull);
  return html`
    <div class="banners">
      ${TEXTS[status] !== undefined && html`
        <div class="notice ${status === "locked" ? "" : "is-waiting"}">
          <${Icon} name="alert" />
          <p>${TEXTS[status]}</p>
          ${status === "locked"
            ? html`<button type="button" onClick=${() => playground.showField("key")}>Enter the key</button>`
            : html`<button type="button" onClick=${() => playground.connection.ask()}>Try now</button>`}
        </div>
      `}
      ${isFull && html`
        <div class="notice">
          <${Icon} name="alert" />
          <p>The browser has no room to keep this conversation.</p>
        </div>
      `}
      ${notice !== undefined && html`
        <div class="notice is-calm">
          <p dir="auto">${notice.text}</p>
          ${notice.undo !== undefined && html`
            <button type="button" onClick=${() => {
              playground.takeBack();
              focusQuestion();
            }}>Undo</button>
          `}
          <button type="button" class="quiet" aria-label="Dismiss"
            onClick=${() => {
              playground.notice.value = undefined;
              focusQuestion();
            }}><${Icon} name="close" /></button>
        </div>
      `}
    </div>
  ` as VNode;
}
