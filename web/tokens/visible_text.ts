/**
 * Text of single tokens as it can be seen and read out: spaces, line ends and control characters have signs or names.
 *
 * @module
 */

const SIGNS: Readonly<Record<string, string>> = { " ": "␣", "\n": "⏎", "\r": "␍", "\t": "⇥", "\u00a0": "⍽" };
const NAMES: Readonly<Record<string, string>> = {
  " ": "space",
  "\n": "line break",
  "\r": "carriage return",
  "\t": "tab",
  "\u00a0": "no-break space",
};
/** Controls, formatting characters, halves of surrogates, separators: whatever has no shape of its own. */
const SHAPELESS = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Z}]/u;
/** Joins what stands on both sides of it: shown as it is between two characters, named elsewhere. */
const JOINERS = /[\u200c\u200d]/;

/** A text with a sign for every character that could not be seen; a token without text is `∅`. */
export function visibleText(text: string): string {
  if (text === "") return "∅";
  const characters = [...text];
  return characters.map((character, index) => {
    const sign = SIGNS[character];
    if (sign !== undefined) return sign;
    if (JOINERS.test(character) && index > 0 && index < characters.length - 1) return character;
    return SHAPELESS.test(character) ? `⟨${hexOf(character)}⟩` : character;
  }).join("");
}

/** A text as a screen reader should say it. */
export function spokenText(text: string): string {
  if (text === "") return "no text";
  if (/[\p{L}\p{N}\p{P}\p{S}]/u.test(text)) return visibleSpaces(text);
  const characters = [...text], first = characters[0]!;
  if (characters.every((character) => character === first)) {
    const name = nameOf(first);
    return characters.length === 1 ? name : `${characters.length} times ${name}`;
  }
  return characters.map(nameOf).join(", ");
}

/** Visible text cut to a number of cells, where wide characters take two. */
export function shortVisibleText(text: string, maxCells: number): string {
  const visible = visibleText(text);
  if (cellsOf(visible) <= maxCells) return visible;
  let cut = "";
  for (const { segment } of new Intl.Segmenter().segment(visible)) {
    if (cellsOf(cut + segment) > maxCells - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}

/** Cells of a fixed-width font that a text takes: 2 for a wide character, 0 for one that joins another. */
export function cellsOf(text: string): number {
  let cells = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) cells += WIDE.test(segment) ? 2 : 1;
  return cells;
}

const WIDE =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff60]|\ufe0f/u;

function visibleSpaces(text: string): string {
  return text.replaceAll(/[\n\r\t]/g, (character) => ` ${NAMES[character]} `).trim();
}

function nameOf(character: string): string {
  return NAMES[character] ?? (SHAPELESS.test(character) ? `character ${hexOf(character)}` : character);
}

function hexOf(character: string): string {
  return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}
