/**
 * Moves the panel of a round to its place, and its token out from under it.
 *
 * @module
 */
import { placePanel } from "./panel_place.ts";
import type { TokenText } from "./token_text.ts";

/** Pixels between a token and the sheet below it. */
const CLEARANCE = 16;

/** Moves the panel to its place. `mayScroll`: the text may be scrolled from under it. Whether it is a sheet. */
export function movePanel(panel: HTMLElement, text: TokenText, token: number, mayScroll: boolean): boolean {
  const column = text.element.getBoundingClientRect(), { left, right, bottom } = column;
  // Of a text that is scrolled up, what is in sight begins where its box does.
  const top = Math.max(column.top, scrollerOf(text.element).getBoundingClientRect().top + CLEARANCE);
  const place = placePanel({
    viewport: { width: document.documentElement.clientWidth, height: innerHeight },
    text: { left, right, top, bottom },
    token: (text.elementOf(token) ?? text.element).getBoundingClientRect(),
    panelHeight: panel.offsetHeight,
    mayScroll,
  });
  const isSheet = place.kind === "sheet";
  panel.dataset.place = isSheet ? place.edge : "side";
  panel.style.left = isSheet ? "" : `${place.left}px`;
  panel.style.top = isSheet ? "" : `${place.top}px`;
  panel.style.width = isSheet ? "" : `${place.width}px`;
  return isSheet;
}

/** Scrolls a token into view, above a sheet at the bottom. */
export function uncover(panel: HTMLElement, text: TokenText, token: number): void {
  text.reveal(token);
  const element = text.elementOf(token);
  if (element === undefined || panel.dataset.place !== "bottom") return;
  const covered = element.getBoundingClientRect().bottom + CLEARANCE - panel.getBoundingClientRect().top;
  if (covered > 0) scrollerOf(element).scrollBy({ top: covered, behavior: "instant" });
}

/** The box that scrolls an element. */
function scrollerOf(element: Element): Element {
  for (let box = element.parentElement; box !== null; box = box.parentElement) {
    const scrolls = /auto|scroll/.test(getComputedStyle(box).overflowY);
    if (scrolls && box.scrollHeight > box.clientHeight) return box;
  }
  return document.scrollingElement ?? document.documentElement;
}
