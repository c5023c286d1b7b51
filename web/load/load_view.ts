/**
 * How busy the server is, as small charts over the last minutes.
 *
 * @module
 */
import { html, useState, type VNode } from "../ui/html.ts";
import { Chart } from "./chart.ts";
import { gauges, newest } from "./gauges.ts";
import { useLoads } from "./use_loads.ts";

/** Properties of {@linkcode LoadView}. */
export interface LoadViewProps {
  readonly apiKey: string;
}

/** Gauges of the KV pool, the queue and running requests. */
export function LoadView({ apiKey }: LoadViewProps): VNode {
  const [isOpen, setOpen] = useState(true);
  const { samples, failure } = useLoads(apiKey, isOpen);
  return html`
    <details
      class="load-view"
      open=${isOpen}
      onToggle=${({ currentTarget }: { currentTarget: HTMLDetailsElement }) => setOpen(currentTarget.open)}
    >
      <summary>
        <h2>Load</h2>
      </summary>
      <ul class="load-gauges">
        ${gauges.map((gauge) =>
          html`
            <li key=${gauge.name}>
              <span class="load-name">${gauge.name}</span>
              <${Chart} gauge=${gauge} samples=${samples} />
              <span class="load-value">${newest(gauge, samples)}</span>
            </li>
          `
        )}
      </ul>
      <p class="load-notice">${failure
        ? `The load is not up to date: ${failure}.`
        : "The last 3 minutes."}</p>
    </details>
  ` as VNode;
}
