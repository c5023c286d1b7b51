/**
 * A dialog over the page.
 *
 * @module
 */
import { type ComponentChildren, html, useLayoutEffect, useRef, type VNode } from "./html.ts";
import { Icon } from "./icon.ts";

/** Properties of {@linkcode Dialog}. */
export interface DialogProps {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  /** `start` and `end` fill an edge of the page. */
  readonly place?: "middle" | "start" | "end";
  readonly children?: ComponentChildren;
}

/** A modal dialog. Escape and a press beside it close it, and the focus goes back to where it was. */
export function Dialog({ title, isOpen, onClose, place = "middle", children }: DialogProps): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (isOpen && !dialog.current!.open) dialog.current!.showModal();
    if (!isOpen) dialog.current!.close();
  }, [isOpen]);
  const pressed = (event: MouseEvent) => {
    if (event.target === dialog.current) onClose();
  };
  return html`
    <dialog
      ref=${dialog}
      class=${`dialog at-${place}`}
      aria-label=${title}
      onClose=${onClose}
      onMouseDown=${pressed}
    >
      ${isOpen && html`
        <div class="dialog-body">
          <header>
            <h2>${title}</h2>
            <button type="button" class="quiet round" aria-label="Close" onClick=${onClose}>
              <${Icon} name="close" />
            </button>
          </header>
          ${children}
        </div>
      `}
    </dialog>
  ` as VNode;
}
