/**
 * Small drawings for buttons.
 *
 * @module
 */
import { html, type VNode } from "./html.ts";

const PATHS = {
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 12.5 10 17.5 19 7",
  edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  again: "M20 5v5h-5M4 19v-5h5M5.5 9.5A7 7 0 0 1 19 9M18.5 14.5A7 7 0 0 1 5 15",
  sliders: "M4 7h9M19 7h1M4 17h1M11 17h9M16 4v6M8 14v6",
  theme: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  code: "M9 7l-5 5 5 5M15 7l5 5-5 5",
  close: "M6 6l12 12M18 6L6 18",
  keys: "M3 7h18v10H3zM7 11h.01M12 11h.01M17 11h.01M8 14h8",
  down: "M12 5v14M6 13l6 6 6-6",
  alert: "M12 4 2.5 20h19zM12 10v4M12 17v.01",
} as const;

/** Properties of {@linkcode Icon}. */
export interface IconProps {
  readonly name: keyof typeof PATHS;
}

/** A drawing in the colour of the text, which says nothing to screen readers. */
export function Icon({ name }: IconProps): VNode {
  return html`
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d=${PATHS[name]} />
    </svg>
  ` as VNode;
}
