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
/** Narrower than this a tree cannot be read: then the panel is a sheet. */
const MIN_WIDTH = 340;
const MAX_WIDTH = 560;
/** What a text leaves beside it where it stays this wide itself, about 65 letters a line. */
const MIN_TEXT_WIDTH = 480;
const MIN_ROOM = 400;

/**
 * How much narrower than its column a text must be so that a panel has room beside it, in pixels; 0 where it has, and
 * where there is too little for both.
 */
export function roomBeside(column: Pick<Rectangle, "left" | "right">, viewportWidth: number): number {
  const available = viewportWidth - column.left - 2 * GAP;
  const panelWidth = Math.min(MAX_WIDTH, available - MIN_TEXT_WIDTH);
  if (panelWidth < MIN_ROOM) return 0;
  return Math.max(
    0,
    Math.min(column.right - column.left, column.right - (viewportWidth - panelWidth - 2 * GAP)),
  );
}

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
  if (rooms[0]!.room < MIN_ROOM && rooms[1]!.room > rooms[0]!.room) rooms.reverse();
  for (const { left, room } of rooms) {
    if (room < MIN_WIDTH) continue;
    const width = Math.min(MAX_WIDTH, room), highest = viewport.height - panelHeight - GAP;
    const top = Math.max(GAP, Math.min(text.top, highest));
    return { kind: "side", left: left ?? text.left - GAP - width, top, width };
  }
  const isLow = (token.top + token.bottom) / 2 > viewport.height / 2;
  return { kind: "sheet", edge: isLow && !mayScroll ? "top" : "bottom" };
}
