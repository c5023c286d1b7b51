/**
 * Where the focus goes when what had it is gone.
 *
 * @module
 */

/**
 * Moves the focus to the question's box; where fingers point, to the conversation, since the box would bring up the
 * keyboard on the screen.
 */
export function focusQuestion(): void {
  const place = matchMedia("(pointer: coarse)").matches ? ".scroller" : "#question";
  document.querySelector<HTMLElement>(place)?.focus({ preventScroll: true });
}
