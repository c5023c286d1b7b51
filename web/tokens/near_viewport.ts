/**
 * Elements that tell when they come near what is in view and when they leave it, also within scrolling boxes.
 *
 * @module
 */

/** What counts as near, above and below, in heights of the viewport; where both kinds of margin are known they add up. */
const MARGIN = "50%";

/** Watches elements. */
export class NearViewport {
  readonly #observer: IntersectionObserver;

  constructor(onChange: (element: HTMLElement, isNear: boolean) => void) {
    // Browsers that know it apply scrollMargin to boxes that scroll within the page.
    const options: IntersectionObserverInit & { scrollMargin: string } = {
      rootMargin: `${MARGIN} 0px`,
      scrollMargin: `${MARGIN} 0px`,
    };
    this.#observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) onChange(target as HTMLElement, isIntersecting);
    }, options);
  }

  /** Begins to watch an element; its state is told once at first. */
  add(element: Element): void {
    this.#observer.observe(element);
  }

  /** Watches nothing any more. */
  clear(): void {
    this.#observer.disconnect();
  }
}

/** Whether an end of what the user has selected lies in an element, which must then keep its nodes. */
export function holdsSelection(element: Node): boolean {
  const selection = document.getSelection();
  if (selection === null || selection.isCollapsed) return false;
  return element.contains(selection.anchorNode) || element.contains(selection.focusNode);
}
