/**
 * The clipboard.
 *
 * @module
 */

/** Copies a text and says whether it could; pages that are not secure have only the older way. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea"), focused = document.activeElement;
    area.value = text;
    area.className = "hidden";
    (focused?.closest("dialog") ?? document.body).append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    (focused as HTMLElement | null)?.focus();
    return isCopied;
  }
}
