/**
 * What screen readers say without being asked.
 *
 * @module
 */
import { html, type VNode } from "../ui/html.ts";
import { useValue } from "../ui/observable.ts";
import type { Playground } from "./playground.ts";

/** Properties of {@linkcode LiveRegions}. */
export interface LiveRegionsProps {
  readonly playground: Playground;
}

/** The polite and the urgent region. They are always there: what is added to a region that is new may go unsaid. */
export function LiveRegions({ playground }: LiveRegionsProps): VNode {
  const { text, isUrgent } = useValue(playground.announcement);
  return html`
    <div class="hidden">
      <div role="status" id="said">${isUrgent ? "" : text}</div>
      <div role="alert" id="said-at-once">${isUrgent ? text : ""}</div>
    </div>
  ` as VNode;
}
