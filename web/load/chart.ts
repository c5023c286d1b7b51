/**
 * A gauge's line over the last minutes.
 *
 * @module
 */
import uPlot from "uplot";
import { html, useEffect, useLayoutEffect, useRef, type VNode } from "../ui/html.ts";
import { describeChart, type Gauge } from "./gauges.ts";
import { lineOf, type LoadSample, SPAN_S } from "./load_samples.ts";

/** Properties of {@linkcode Chart}. */
export interface ChartProps {
  readonly gauge: Gauge;
  readonly samples: readonly LoadSample[];
}

/** The line of a gauge, in the colour of its element's text. */
export function Chart({ gauge, samples }: ChartProps): VNode {
  const host = useRef<HTMLDivElement>(null), plot = useRef<uPlot | undefined>(undefined);
  useLayoutEffect(() => {
    const element = host.current!, drawn = plot.current = draw(element, gauge);
    const resize = new ResizeObserver(() => drawn.setSize(sizeOf(element)));
    resize.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)"), recolour = () => drawn.redraw(false);
    scheme.addEventListener("change", recolour);
    // A theme of the page's own is in its root element.
    const theme = new MutationObserver(recolour);
    theme.observe(document.documentElement, { attributeFilter: ["style", "class"] });
    return () => {
      scheme.removeEventListener("change", recolour);
      theme.disconnect();
      resize.disconnect();
      drawn.destroy();
    };
  }, [gauge]);
  useEffect(() => plot.current!.setData(lineOf(samples, gauge.quantity)), [samples, gauge]);
  return html`
    <div class="load-chart" ref=${host} role="img" aria-label=${describeChart(gauge, samples)}></div>
  ` as VNode;
}

function draw(element: HTMLElement, { top }: Gauge): uPlot {
  return new uPlot(
    {
      ...sizeOf(element),
      padding: [2, 0, 0, 0],
      cursor: { show: false },
      legend: { show: false },
      axes: [{ show: false }, { show: false }],
      scales: {
        x: { time: false, range: (_plot, _first, last) => [(last ?? 0) - SPAN_S, last ?? 0] },
        y: { range: (_plot, _least, most) => [0, Math.max(top, most ?? 0)] },
      },
      series: [
        {},
        // Asked for at every drawing: the colour changes with the scheme.
        { stroke: () => getComputedStyle(element).color, width: 2, points: { show: false } },
      ],
    },
    [[], []],
    element,
  );
}

/** Size of an element in CSS pixels, of one that is not laid out too. */
function sizeOf(element: HTMLElement): { width: number; height: number } {
  return { width: Math.max(element.clientWidth, 1), height: Math.max(element.clientHeight, 1) };
}
