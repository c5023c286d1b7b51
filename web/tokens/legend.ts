/**
 * The legend of token origins.
 *
 * @module
 */
import { html, type VNode } from "../ui/html.ts";

const ENTRIES = [
  { origin: "accepted", name: "accepted draft", says: "guessed by the drafter, and drawn by the model too" },
  { origin: "bonus", name: "bonus", says: "drawn by the model itself behind the accepted drafts" },
  { origin: "plain", name: "plain", says: "a step without drafts" },
];

/** What the colours and lines of tokens mean, and how to see more. */
export function Legend(): VNode {
  return html`
    <div class="token-legend">
      <dl>
        ${ENTRIES.map(({ origin, name, says }) =>
          html`
            <div key=${origin}>
              <dt><span class=${`token ${origin}`}>${name}</span></dt>
              <dd>${says}</dd>
            </div>
          `
        )}
      </dl>
      <p>
        Point at a token or tap it to see its round. With the keyboard: arrow keys go from token to token and, up and
        down, from round to round; Enter keeps the round open, Escape closes it.
      </p>
    </div>
  ` as VNode;
}
