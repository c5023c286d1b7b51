/**
 * The tokens of an answer in the order of its text, cut into chunks of some dozens, so that a page needs elements only
 * for the tokens that are in view. Grows with the answer: what is there already is not looked at again.
 *
 * @module
 */
import type { Answer, SpeculationRound } from "../api/answer.ts";

/** A token that adds to the text. Those without text of their own, such as the first half of a character, are left out. */
export interface ShownToken {
  readonly text: string;
  readonly origin: "accepted" | "bonus" | "plain";
  /** Index of its round. */
  readonly round: number;
}

/** Neighbouring tokens of one paragraph. */
export interface TokenChunk {
  /** Index of its first token, and of the one behind its last. */
  readonly first: number;
  readonly end: number;
  /** Texts of its tokens, joined. */
  readonly text: string;
  /** Whether its last token ends a line, so that the next chunk may stand in a block of its own. */
  readonly endsParagraph: boolean;
}

/** Tokens of a chunk at most. */
const MAX_TOKENS = 40;
/** Tokens after which a line's end ends a paragraph. */
const MIN_TOKENS = 24;

/** The tokens of one answer. */
export class TokenFlow {
  readonly tokens: ShownToken[] = [];
  readonly chunks: TokenChunk[] = [];
  /** Text behind the tokens that no round accounts for yet. */
  rest = "";
  /** Rounds whose tokens these are. */
  rounds: readonly SpeculationRound[] = [];
  /** Characters of the text that the tokens cover. */
  #length = 0;
  #numParagraphTokens = 0;
  /** Index of each round's first token in `tokens`. */
  readonly #firstOfRound: number[] = [];

  /** Whether an answer begins with the rounds that are here. */
  isContinuedBy({ text, rounds }: Answer): boolean {
    const last = this.rounds.length - 1;
    return rounds.length > last && rounds[0] === (this.rounds[0] ?? rounds[0]) &&
      rounds[last] === this.rounds[last] && text.length >= this.#length;
  }

  /** Takes up what an answer that continues this one has in addition. */
  extend({ text, rounds }: Answer): void {
    let numRounds = this.rounds.length;
    while (numRounds < rounds.length && this.#covers(text, rounds[numRounds]!)) {
      this.#firstOfRound.push(this.tokens.length);
      for (const { text: added, origin } of rounds[numRounds]!.tokens) {
        if (added !== "") this.#add({ text: added, origin, round: numRounds });
      }
      numRounds++;
    }
    this.rounds = rounds.slice(0, numRounds);
    this.rest = text.slice(this.#length);
  }

  /** Index of the first token of a round or, if it has none that is shown, of the next one. */
  firstOf(round: number): number {
    return this.#firstOfRound[Math.max(0, round)] ?? this.tokens.length;
  }

  /** Index of the first token of the round before one that has tokens which are shown. */
  firstBefore(round: number): number {
    const before = this.tokens[this.firstOf(round) - 1];
    return before === undefined ? 0 : this.firstOf(before.round);
  }

  /** Index of the chunk of a token. */
  chunkOf(token: number): number {
    let low = 0, high = this.chunks.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.chunks[middle]!.end <= token) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #covers(text: string, { tokens }: SpeculationRound): boolean {
    return text.startsWith(tokens.map(({ text }) => text).join(""), this.#length);
  }

  #add(token: ShownToken): void {
    const end = this.tokens.push(token), last = this.chunks.at(-1);
    this.#length += token.text.length;
    if (last?.endsParagraph) this.#numParagraphTokens = 0;
    this.#numParagraphTokens++;
    const endsParagraph = this.#numParagraphTokens >= MIN_TOKENS && token.text.endsWith("\n");
    const isFull = last === undefined || last.endsParagraph || last.end - last.first >= MAX_TOKENS;
    if (isFull) this.chunks.push({ first: end - 1, end, text: token.text, endsParagraph });
    else this.chunks[this.chunks.length - 1] = { ...last, end, text: last.text + token.text, endsParagraph };
  }
}
