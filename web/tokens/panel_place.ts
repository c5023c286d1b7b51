/**
 * Where the panel of a round stands so that it does not cover the token that it is about.
 *
 * @module
 */

/** A rectangle in the viewport, pixels. */
export interface Rectangle {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** A place of the panel. */
export type PanelPlace =
  /** Beside the text; pixels in the viewport. */
  | { readonly kind: "side"; readonly left: number; readonly top: number; readonly width: number }
  /** As a sheet along an edge of the viewport. */
  | { readonly kind: "sheet"; readonly edge: "top" | "bottom" };

const GAP = 12;
const MIN_WIDTH = 288;
const MAX_WIDTH = 520;

/**
 * The place for a panel about a token. A sheet stands at the bottom where the text may be scrolled away from under it,
 * otherwise in the half of the viewport in which the token is not.
 */
export function placePanel({ viewport, text, token, panelHeight, mayScroll }: {
  readonly viewport: { readonly width: number; readonly height: number };
  readonly text: Rectangle;
  readonly token: Rectangle;
  /** Pixels. */
  readonly panelHeight: number;
  readonly mayScroll: boolean;
}): PanelPlace {
  const rooms = [
    { left: text.right + GAP, room: viewport.width - text.right - 2 * GAP },
    { left: undefined, room: text.left - 2 * GAP },
  ];
  for (const { left, room } of rooms) {
    if (room < MIN_WIDTH) continue;
    const width = Math.min(MAX_WIDTH, room), highest = viewport.height - panelHeight - GAP;
    const top = Math.max(GAP, Math.min(text.top, highest));
    return { kind: "side", left: left ?? text.left - GAP - width, top, width };
  }
  const isLow = (token.top + token.bottom) / 2 > viewport.height / 2;
  return { kind: "sheet", edge: isLow && !mayScroll ? "top" : "bottom" };
}
