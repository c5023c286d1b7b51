/**
 * The legend of token origins, in one line below the conversation.
 *
 * @module
 */
import { Legend } from "../tokens/legend.ts";
import { html, type VNode } from "../ui/html.ts";
import { useValue } from "../ui/observable.ts";
import type { Playground } from "./playground.ts";

/** Properties of {@linkcode LegendRow}. */
export interface LegendRowProps {
  readonly playground: Playground;
}

/** The legend, where there are tokens that it explains. */
export function LegendRow({ playground: { conversations, settings } }: LegendRowProps): VNode {
  const isEmpty = useValue(conversations.state, () => conversations.current.exchanges.length === 0);
  const view = useValue(settings.values, (values) => values.view);
  return html`
    <aside class="legend-row" aria-label="Legend" hidden=${isEmpty || view !== "tokens"}>
      <${Legend} />
    </aside>
  ` as VNode;
}
