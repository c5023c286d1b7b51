/**
 * Escaping for HTML, as markupsafe does it.
 *
 * @module
 */
const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  "'": "&#39;",
  '"': "&#34;",
};

/** The text with its five special characters escaped. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>'"]/g, (char) => ESCAPES[char]!);
}
