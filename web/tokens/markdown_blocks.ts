/**
 * An answer as blocks of Markdown, lexed as it grows: what can no longer change is kept, with the objects that stand for
 * it. There is no HTML in this Markdown: tags are text like any other.
 *
 * @module
 */
import { Lexer, Marked, type MarkedOptions, Parser, type Tokens } from "marked";

/** A paragraph, list, table, code block, ... of the text. */
export interface MarkdownBlock {
  /** Its part of the text. */
  readonly raw: string;
  /** Its HTML, with all text escaped but not sanitised; empty for what shows nothing, as the space between two blocks. */
  readonly html: string;
}

type Links = Readonly<Record<string, Pick<Tokens.Link | Tokens.Image, "href" | "title">>>;

/** Links go to these only. */
const SAFE_ADDRESS = /^(?:https?:\/\/|mailto:)/i;
/** Blocks at the end that more text may still change. */
const NUM_OPEN_BLOCKS = 2;

/** Blocks of one text. */
export class MarkdownFlow {
  blocks: readonly MarkdownBlock[] = [];
  /** Addresses that the text defines for links elsewhere in it. */
  #links: Links = {};

  /**
   * Takes a text. Of one that continues what is here only the end is lexed, until it is whole: then all of it once more,
   * since a definition may come behind the link that uses it.
   */
  update(text: string, isWhole: boolean): void {
    const clean = text.replaceAll(/\r\n|\r/g, "\n");
    const kept = this.blocks.slice(0, this.blocks.length - this.#numOpenTokens());
    const head = kept.map(({ raw }) => raw).join("");
    if (isWhole || !clean.startsWith(head)) this.#lex(clean, [], {});
    else this.#lex(clean.slice(head.length), kept, this.#links);
  }

  #lex(text: string, kept: readonly MarkdownBlock[], links: Links): void {
    const lexer = new Lexer(options), before = this.blocks;
    Object.assign(lexer.tokens.links, links);
    const tokens = lexer.lex(text);
    this.#links = lexer.tokens.links;
    this.blocks = [
      ...kept,
      ...tokens.map((token, index): MarkdownBlock => {
        const old = before[kept.length + index], html = Parser.parse([token], options);
        return old?.raw === token.raw && old.html === html ? old : { raw: token.raw, html };
      }),
    ];
  }

  #numOpenTokens(): number {
    let numOpen = 0;
    for (let index = this.blocks.length - 1; index >= 0 && numOpen < NUM_OPEN_BLOCKS; index--) {
      if (this.blocks[index]!.html !== "") numOpen++;
      if (numOpen === NUM_OPEN_BLOCKS) return this.blocks.length - index;
    }
    return this.blocks.length;
  }
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
      // One level for all, below the heading of the answer: a model's own levels would tear holes into the page's outline.
      return text.trim() === "" ? "" : `<h4 class="level-${depth}">${text}</h4>\n`;
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
