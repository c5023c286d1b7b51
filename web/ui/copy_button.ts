/**
 * A button that copies a text.
 *
 * @module
 */
import { copyText } from "./clipboard.ts";
import { html, useEffect, useState, type VNode } from "./html.ts";
import { Icon } from "./icon.ts";

/** Properties of {@linkcode CopyButton}. */
export interface CopyButtonProps {
  readonly label: string;
  readonly text: () => string;
  /** Whether the label is seen too. */
  readonly isWide?: boolean;
}

/** Copies a text and says so. */
export function CopyButton({ label, text, isWide = false }: CopyButtonProps): VNode {
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSaid(""), 2000);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => setSaid(await copyText(text()) ? "Copied" : "Cannot copy here");
  return html`
    <span class="copy">
      <button type="button" class="quiet" aria-label=${label} title=${label} onClick=${copy}>
        <${Icon} name=${said === "Copied" ? "check" : "copy"} />
        ${isWide && html`<span>${said || label}</span>`}
      </button>
      <span class="hidden" role="status">${said}</span>
    </span>
  ` as VNode;
}
