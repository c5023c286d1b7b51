/**
 * The legend of token origins.
 *
 * @module
 */
import { html, type VNode } from "../ui/html.ts";

const ENTRIES = [
  { origin: "accepted", name: "accepted draft", says: "guessed by the drafter, and drawn by the model too" },
  { origin: "bonus", name: "bonus", says: "drawn by the model itself behind the accepted drafts" },
  { origin: "plain", name: "plain", says: "from a step without drafts" },
];

/** What the colours and lines of tokens mean, in a line that opens, or is open, to say how to see more. */
export function Legend({ isOpen = false }: { readonly isOpen?: boolean }): VNode {
  return html`
    <details class="token-legend" open=${isOpen}>
      <summary>
        ${ENTRIES.map(({ origin, name }) =>
          html`
            <span key=${origin} class=${`token ${origin}`}>${name}</span>
          `
        )}
      </summary>
      <dl>
        ${ENTRIES.map(({ origin, name, says }) =>
          html`
            <div key=${origin}>
              <dt>${name}</dt>
              <dd>${says}</dd>
            </div>
          `
        )}
      </dl>
      <p>
        Point at a token or tap it to see its round. With the keyboard: arrow keys go from token to token and, up and
        down, from round to round; Enter keeps the round open, Escape closes it.
      </p>
    </details>
  ` as VNode;
}
