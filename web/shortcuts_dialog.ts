/**
 * The keys that the page knows.
 *
 * @module
 */
import { Dialog } from "./ui/dialog.ts";
import { html, type VNode } from "./ui/html.ts";

const SHORTCUTS: readonly (readonly [string, string])[] = [
  ["Enter", "Send the question"],
  ["Shift Enter", "New line"],
  ["Escape", "Stop the answer, from the question's box; close a dialog"],
  ["Ctrl Shift O", "New chat"],
  ["Ctrl /", "This list"],
];

/** Properties of {@linkcode ShortcutsDialog}. */
export interface ShortcutsDialogProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

/** The keys that the page knows; on a Mac, Command does what Ctrl does. */
export function ShortcutsDialog({ isOpen, onClose }: ShortcutsDialogProps): VNode {
  return html`
    <${Dialog} title="Keyboard shortcuts" isOpen=${isOpen} onClose=${onClose}>
      <dl class="shortcuts">
        ${SHORTCUTS.map(([keys, text]) =>
          html`
            <div>
              <dt>${keys.split(" ").map((key) => html`<kbd>${key}</kbd>`)}</dt>
              <dd>${text}</dd>
            </div>
          `
        )}
      </dl>
      <p class="muted">On a Mac, Command does what Ctrl does.</p>
      <//>
  ` as VNode;
}
