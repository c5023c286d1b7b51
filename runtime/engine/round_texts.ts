/**
 * Texts of verification rounds: which part of a generation's text each token of a round adds, as soon as that is certain.
 *
 * @module
 */
import type { SpeculationRound, TextRound } from "../contracts/speculation_round.ts";
import type { TextStream } from "./text_stream.ts";

/** A token whose text was not handed out. */
interface PendingToken {
  /** Where its text ends, if nothing is cut off, UTF-16 units from the beginning of the text. */
  readonly end: number;
  /** Its text is not shown, whatever it is. */
  readonly isHidden: boolean;
}

/**
 * The rounds of one generation. The texts that are handed out are the text of its updates, cut where its tokens end: a
 * token whose text a stop text cut off has what is left of it.
 */
export class RoundTexts {
  readonly #stream: Pick<TextStream, "numWithheld" | "isUnfinished">;
  /** Rounds that were not handed out. */
  readonly #rounds: SpeculationRound[] = [];
  /** Their tokens. */
  readonly #tokens: PendingToken[] = [];
  /** The part of the updates' text that was not handed out with a round. */
  #text = "";
  /** Length of the part that was, UTF-16 units. */
  #numTaken = 0;

  /** `stream` is the text that the tokens are pushed to first. */
  constructor(stream: Pick<TextStream, "numWithheld" | "isUnfinished">) {
    this.#stream = stream;
  }

  /** Takes the text that became certain when the stream was given a token. */
  push(text: string, isHidden: boolean): void {
    this.#text += text;
    this.#tokens.push({ end: this.#numCertain + this.#stream.numWithheld, isHidden });
  }

  /** Takes the text that became certain when the stream ended. */
  flush(text: string): void {
    this.#text += text;
  }

  /** Takes the round of the tokens pushed last, of which `numTaken` count. */
  add(round: SpeculationRound, numTaken: number): void {
    const { tokens, accepted } = round;
    if (numTaken === 0) return;
    this.#rounds.push(
      numTaken === tokens.length
        ? round
        : { ...round, tokens: tokens.slice(0, numTaken), accepted: accepted.slice(0, numTaken) },
    );
  }

  /** The rounds whose texts are certain and were not taken yet, in order; all of them once the generation `isOver`. */
  take(isOver: boolean): TextRound[] {
    const last = this.#lastShown, numComplete = isOver ? this.#tokens.length : this.#numComplete(last);
    const rounds: TextRound[] = [];
    let numTokens = 0;
    for (const round of this.#rounds) {
      if (numTokens + round.tokens.length > numComplete) break;
      const texts = Array.from(round.tokens, () => {
        const index = numTokens++;
        // What an unfinished character leaves behind at the end of the text is part of the last token's.
        return this.#takeUpTo(isOver && index === last ? Infinity : this.#tokens[index]!.end);
      });
      rounds.push({ ...round, texts });
    }
    this.#rounds.splice(0, rounds.length);
    this.#tokens.splice(0, numTokens);
    return rounds;
  }

  /** Length of the updates' text, UTF-16 units. */
  get #numCertain(): number {
    return this.#numTaken + this.#text.length;
  }

  /** Index of the last token whose text may be shown, or of the first. */
  get #lastShown(): number {
    return Math.max(0, this.#tokens.findLastIndex(({ isHidden }) => !isHidden));
  }

  /** How many tokens, from the first on, have a text that nothing can change any more. */
  #numComplete(last: number): number {
    const firstCut = this.#tokens.findIndex(({ end }) => end > this.#numCertain);
    const numComplete = firstCut < 0 ? this.#tokens.length : firstCut;
    return this.#stream.isUnfinished ? Math.min(numComplete, last) : numComplete;
  }

  /** The text up to `end`, UTF-16 units from the beginning, as far as there is text. */
  #takeUpTo(end: number): string {
    const text = this.#text.slice(0, Math.max(0, end - this.#numTaken));
    this.#text = this.#text.slice(text.length);
    this.#numTaken += text.length;
    return text;
  }
}
