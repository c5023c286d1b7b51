/**
 * A block of Markdown as nodes of the page: sanitised, links made safe, code with a button that copies it.
 *
 * @module
 */
import DOMPurify, { type Config } from "dompurify";
import { copyText } from "../ui/clipboard.ts";
import type { MarkdownBlock } from "./markdown_blocks.ts";

const POLICY = {
  RETURN_DOM_FRAGMENT: true as const,
  ALLOWED_TAGS: [
    ..."a blockquote br code del div em h4 hr li ol p pre span strong table tbody td th thead tr ul".split(
      " ",
    ),
    "#text",
  ],
  ALLOWED_ATTR: ["aria-label", "class", "href", "role", "start", "tabindex"],
  ADD_URI_SAFE_ATTR: ["start", "tabindex"],
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
} satisfies Config & { RETURN_DOM_FRAGMENT: true };

/** Nodes of a block. */
export function nodesOf({ html }: MarkdownBlock): DocumentFragment {
  const fragment = DOMPurify.sanitize(html, POLICY);
  for (const link of fragment.querySelectorAll("a")) {
    link.rel = "noopener noreferrer";
    link.target = "_blank";
  }
  for (const head of fragment.querySelectorAll(".code-head")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute("aria-label", "Copy this code");
    head.append(button);
  }
  return fragment;
}

/** Copies the code whose button a click met, if it met one, and says so in the button for a moment. */
export async function copyCode({ target }: Event): Promise<void> {
  const button = (target as Element).closest<HTMLButtonElement>(".code-head button");
  const code = button?.closest(".code-block")?.querySelector("code");
  if (!button || !code) return;
  const isCopied = await copyText(code.textContent);
  button.textContent = isCopied ? "Copied" : "Cannot copy";
  setTimeout(() => button.textContent = "Copy", 2000);
}
