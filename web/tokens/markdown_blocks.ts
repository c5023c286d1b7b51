/**
 * An answer as blocks of Markdown, lexed as it grows: what can no longer change is kept, with the objects that stand for
 * it. There is no HTML in this Markdown: tags are text like any other.
 *
 * @module
 */
import { Lexer, Marked, type MarkedOptions, Parser, type Token, type Tokens } from "marked";

/** A paragraph, list, table, code block, ... of the text. */
export interface MarkdownBlock {
  /** Its part of the text. */
  readonly raw: string;
  readonly token: Token;
}

/** Links go to these only. */
const SAFE_ADDRESS = /^(?:https?:\/\/|mailto:)/i;
/** Blocks at the end that more text may still change. */
const NUM_OPEN_BLOCKS = 2;

/** Blocks of one text. */
export class MarkdownFlow {
  blocks: readonly MarkdownBlock[] = [];
  #text = "";
  /** Addresses that the text defines for links elsewhere in it. */
  #links: Record<string, Pick<Tokens.Link | Tokens.Image, "href" | "title">> = {};

  /** Takes a text; of one that continues what is here only the end is lexed. `isWhole`: nothing follows. */
  update(text: string, isWhole: boolean): void {
    const clean = text.replaceAll(/\r\n|\r/g, "\n");
    const numOpen = this.#numOpenTokens(), kept = this.blocks.slice(0, this.blocks.length - numOpen);
    const length = kept.reduce((sum, { raw }) => sum + raw.length, 0);
    // A definition may come behind the link that uses it: with all of them known, everything is lexed once more.
    const isAnew = !clean.startsWith(this.#text.slice(0, length)) ||
      isWhole && Object.keys(this.#links).length > 0;
    if (isAnew) this.#links = {};
    const lexer = new Lexer(options);
    Object.assign(lexer.tokens.links, this.#links);
    const tokens = lexer.lex(isAnew ? clean : clean.slice(length));
    const known = Object.keys(this.#links).length;
    this.#links = { ...lexer.tokens.links };
    if (isWhole && !isAnew && Object.keys(this.#links).length > known) return this.#lexAnew(clean);
    this.#text = clean;
    this.#take(isAnew ? [] : kept, tokens);
  }

  #lexAnew(clean: string): void {
    this.#text = clean;
    this.#take([], new Lexer(options).lex(clean));
  }

  /** Blocks that read as they did keep their objects, save where definitions may have changed what they say. */
  #take(kept: readonly MarkdownBlock[], tokens: readonly Token[]): void {
    const hasLinks = Object.keys(this.#links).length > 0, before = this.blocks;
    this.blocks = [
      ...kept,
      ...tokens.map((token, index): MarkdownBlock => {
        const old = before[kept.length + index];
        return old?.raw === token.raw && !hasLinks ? old : { raw: token.raw, token };
      }),
    ];
  }

  #numOpenTokens(): number {
    let numOpen = 0;
    for (let index = this.blocks.length - 1; index >= 0 && numOpen < NUM_OPEN_BLOCKS; index--) {
      if (this.blocks[index]!.token.type !== "space") numOpen++;
      if (numOpen === NUM_OPEN_BLOCKS) return this.blocks.length - index;
    }
    return this.blocks.length;
  }
}

/** HTML of a block; text in it is escaped, but it is to be sanitised all the same. */
export function htmlOf({ token }: MarkdownBlock): string {
  return Parser.parse([token], options);
}

/** Whether a block shows anything: the space between two blocks and definitions of links do not. */
export function isVisible({ token }: MarkdownBlock): boolean {
  return token.type !== "space" && token.type !== "def";
}

const options: MarkedOptions = new Marked({
  gfm: true,
  breaks: true,
  tokenizer: {
    // Nothing is HTML.
    html: () => undefined,
    tag: () => undefined,
  },
  renderer: {
    html: ({ text }) => escaped(text),
    heading({ tokens, depth }) {
      const text = this.parser.parseInline(tokens);
      // One level for all, below the page's title: a model's own levels would tear holes into the page's outline.
      return text.trim() === "" ? "" : `<h2 class="level-${depth}">${text}</h2>\n`;
    },
    code({ text, lang = "" }) {
      const head = `<div class="code-head">${escaped(lang.split(/\s/)[0]!)}</div>`;
      return `<div class="code-block">${head}<pre tabindex="0"><code>${escaped(text)}</code></pre></div>\n`;
    },
    link({ href, tokens, raw }) {
      if (!SAFE_ADDRESS.test(href)) return escaped(raw);
      return `<a href="${escaped(href)}">${this.parser.parseInline(tokens)}</a>`;
    },
    image({ href, text }) {
      return `<span class="image">${escaped(`[Image: ${text}] (${href})`)}</span>`;
    },
    checkbox: ({ checked }) => checked ? "☑ " : "☐ ",
    table({ header, rows, align }) {
      const row = (cells: Tokens.TableCell[], isHead: boolean) => {
        const inner = cells.map(({ tokens }, column) => {
          const text = this.parser.parseInline(tokens), tag = isHead && text.trim() !== "" ? "th" : "td";
          return `<${tag}${align[column] ? ` class="${align[column]}"` : ""}>${text}</${tag}>`;
        });
        return `<tr>${inner.join("")}</tr>`;
      };
      return `<div class="table-box" tabindex="0" role="group" aria-label="Table"><table><thead>${
        row(header, true)
      }</thead><tbody>${rows.map((cells) => row(cells, false)).join("")}</tbody></table></div>\n`;
    },
  },
}).defaults;

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
