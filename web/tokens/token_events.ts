/**
 * What users do with tokens by mouse, finger and clipboard: one listener for all tokens of a text.
 *
 * @module
 */

/** What a user does with tokens; tokens are named by their indices. */
export interface TokenHandlers {
  /** The mouse is over a token, or over none. */
  onHover(token: number | undefined): void;
  /** The keyboard's focus is on a token, or on none and went to something else, if anything. */
  onFocus(token: number | undefined, to?: EventTarget | null): void;
  /** A token was clicked, tapped or chosen with Enter or space. */
  onPick(token: number): void;
}

/** The token whose element a target is, or lies in. */
export function tokenOf(target: EventTarget | null): number | undefined {
  const element = (target as Element | null)?.closest<HTMLElement>("[data-token]");
  return element ? Number(element.dataset.token) : undefined;
}

/** Where the mouse was last, and whether it is followed. */
let mouse: { readonly x: number; readonly y: number } | undefined;
let isFollowed = false;

/** Tells of tokens under the mouse, and of clicks and taps. */
export function listenToPointer(
  element: HTMLElement,
  { onHover, onPick }: Pick<TokenHandlers, "onHover" | "onPick">,
): void {
  let hovered: number | undefined;
  const hover = (token: number | undefined) => {
    if (token === hovered) return;
    hovered = token;
    onHover(token);
  };
  // Text that moves under a mouse which rests, as when an answer grows, was not pointed at.
  if (!isFollowed) document.addEventListener("pointermove", ({ clientX: x, clientY: y }) => mouse = { x, y });
  isFollowed = true;
  element.addEventListener("pointermove", ({ target, pointerType, clientX, clientY }) => {
    const hasMoved = clientX !== mouse?.x || clientY !== mouse?.y;
    if (pointerType !== "touch" && hasMoved) hover(tokenOf(target));
  });
  element.addEventListener("pointerleave", () => hover(undefined));
  element.addEventListener("click", ({ target }) => {
    const token = tokenOf(target);
    // The end of a selection is no click on a token.
    if (token !== undefined && document.getSelection()?.isCollapsed !== false) onPick(token);
  });
}

/** Makes what is copied out of an element be exactly its text, without the line ends that browsers add to blocks. */
export function copyExactly(element: HTMLElement): void {
  element.addEventListener("copy", (event) => {
    const selection = document.getSelection();
    if (selection === null || selection.isCollapsed) return;
    const range = selection.getRangeAt(0);
    if (!element.contains(range.commonAncestorContainer)) return;
    event.clipboardData?.setData("text/plain", range.toString());
    event.preventDefault();
  });
}
