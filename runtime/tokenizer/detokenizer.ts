/**
 * Turns tokens into text as they come, never emitting part of a character.
 *
 * @module
 */
import type { TokenDecoding, TokenPlace } from "./token_bytes.ts";
import { continuesCharacter, numCharacters, numUnfinished } from "./utf8.ts";

const NOTHING = new Uint8Array(0);

/** What a detokenizer asks of its tokenizer. */
export interface TokenTable {
  /** Bytes that a token adds to a text; undefined for an id without a token. */
  bytesAt(token: number, place: TokenPlace): Uint8Array | undefined;
  isSpecial(token: number): boolean;
}

/** Settings of a {@linkcode Detokenizer}. */
export interface DetokenizerOptions extends Partial<Pick<TokenDecoding, "strip" | "dependsOnEnd">> {
  /** Special tokens yield no text. */
  readonly skipSpecialTokens: boolean;
  /** Special tokens that do all the same. */
  readonly shownTokens?: readonly number[];
}

/** What comes behind the text so far if a token follows, and if none does. */
interface Ending {
  readonly followed: Uint8Array;
  readonly last: Uint8Array;
}

const NO_ENDING: Ending = { followed: NOTHING, last: NOTHING };
const FIRST: TokenPlace = { isFirst: true, isLast: false };
const LATER: TokenPlace = { isFirst: false, isLast: false };

/**
 * Text of a stream of tokens. Bytes of an unfinished character are held back, and what depends on whether another token
 * follows; bytes that cannot become a character are U+FFFD. All pushes and the flush together are the text of all tokens.
 */
export class Detokenizer {
  readonly #table: TokenTable;
  readonly #options: DetokenizerOptions;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** No token has come. */
  #isEmpty = true;
  /** Characters that may yet be dropped at the beginning. */
  #numToStrip: number;
  /** Bytes held back of a character. */
  #unfinished = NOTHING;
  #ending = NO_ENDING;
  #numCharacters = 0;
  #start = 0;

  /** Starts an empty text. */
  constructor(table: TokenTable, options: DetokenizerOptions) {
    this.#table = table;
    this.#options = options;
    this.#numToStrip = options.strip?.count ?? 0;
  }

  /**
   * Characters (code points) before the text of the token pushed last; a token that goes on with a character starts
   * where that does.
   */
  get start(): number {
    return this.#start;
  }

  /** Whether bytes are held back: the text of the next token, or of the flush, begins with theirs. */
  get isUnfinished(): boolean {
    return this.#unfinished.length > 0 || this.#ending !== NO_ENDING;
  }

  /** The text to come stands behind these tokens: what the beginning of a text loses, it may have lost there. */
  follow(tokens: Iterable<number>): void {
    for (const token of tokens) {
      if (!this.#isEmpty && this.#numToStrip === 0 && !this.#options.dependsOnEnd) break;
      this.push(token);
    }
    this.#take(this.#decoder.decode());
    this.#unfinished = NOTHING;
    this.#numCharacters = this.#start = 0;
  }

  /** Text that became complete with this token. */
  push(token: number): string {
    this.#start = this.#numCharacters;
    if (this.#isHidden(token)) return "";
    const bytes = this.#table.bytesAt(token, this.#isEmpty ? FIRST : LATER);
    if (bytes === undefined) return "";
    const before = this.#append(this.#ending.followed);
    this.#start = this.#numCharacters;
    const text = this.#append(this.#options.dependsOnEnd ? this.#withoutEnding(token, bytes) : bytes);
    this.#isEmpty = false;
    return before + text;
  }

  #isHidden(token: number): boolean {
    const { skipSpecialTokens, shownTokens } = this.#options;
    return skipSpecialTokens && this.#table.isSpecial(token) && !shownTokens?.includes(token);
  }

  /** What is left at the end of the text; the detokenizer can then start anew. */
  flush(): string {
    const text = this.#append(this.#ending.last);
    this.#ending = NO_ENDING;
    this.#unfinished = NOTHING;
    return text + this.#take(this.#decoder.decode());
  }

  /** The part of a token's bytes that does not depend on what follows; keeps the rest. */
  #withoutEnding(token: number, bytes: Uint8Array): Uint8Array {
    const last = this.#table.bytesAt(token, { isFirst: this.#isEmpty, isLast: true }) ?? NOTHING;
    let same = 0;
    while (same < bytes.length && bytes[same] === last[same]) same++;
    const isSame = same === bytes.length && same === last.length;
    this.#ending = isSame ? NO_ENDING : { followed: bytes.subarray(same), last: last.subarray(same) };
    return bytes.subarray(0, same);
  }

  #append(bytes: Uint8Array): string {
    if (bytes.length === 0) return "";
    this.#holdBack(bytes);
    return this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  #holdBack(bytes: Uint8Array): void {
    let tail = bytes;
    if (this.#unfinished.length > 0) {
      if (continuesCharacter(this.#unfinished, bytes[0]!)) {
        tail = Uint8Array.of(...this.#unfinished, ...bytes);
      } else this.#start++;
    }
    const count = numUnfinished(tail);
    this.#unfinished = count > 0 ? tail.slice(-count) : NOTHING;
  }

  #take(decoded: string): string {
    let text = decoded;
    while (this.#numToStrip > 0 && text !== "") {
      const { character } = this.#options.strip!;
      if (text.startsWith(character)) {
        text = text.slice(character.length);
        this.#numToStrip--;
      } else this.#numToStrip = 0;
    }
    this.#numCharacters += numCharacters(text);
    return text;
  }
}
