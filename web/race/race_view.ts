/**
 * The race: one prompt with speculation and without, side by side.
 *
 * @module
 */
import { html, type VNode } from "../ui/html.ts";

/** Properties of {@linkcode RaceView}. */
export interface RaceViewProps {
  readonly apiKey: string;
  /** Sampling fields of the API as the settings have them. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** System prompt of the settings; empty for none. */
  readonly system: string;
}

/** The race. */
export function RaceView(_props: RaceViewProps): VNode {
  return html`
    <section>
      <h2>Race</h2>
    </section>
  ` as VNode;
}
