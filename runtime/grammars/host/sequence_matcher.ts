/**
 * The matcher of one sequence: what its tokens so far allow next. A state per token, so that tokens can be taken back.
 *
 * @module
 */
import type { GrammarMatcher } from "@mlc-ai/web-xgrammar";
import type { ThinkingConstraint } from "../../contracts/constraint.ts";
import { THINKING_BEGINS, ThinkingRules, type ThinkingState } from "./thinking.ts";
import type { TokenSets } from "./token_sets.ts";

/** Time after which the text that must come next is not looked for again, for it may get longer with every token. */
const MAX_FORCED_MS = 50;

/** What may come next. */
export type Allowed =
  /** Every token. */
  | "any"
  /** No token: the grammar cannot be matched from here with these tokens. */
  | "none"
  /** [ceil(vocabSize / 32)]: the tokens whose bits are set. */
  | Int32Array;

/** Where a sequence stands. */
type Phase =
  /** Before the first token: thinking may begin. */
  | { readonly type: "start" }
  | { readonly type: "thinking"; readonly state: ThinkingState }
  | { readonly type: "answer" }
  /** An end token of the model came after what the grammar matches. */
  | { readonly type: "ended" };

/** A token that was taken. */
interface Step {
  readonly token: number;
  /** Where it leads. */
  readonly phase: Phase;
  /** The grammar's matcher has taken it. */
  readonly isMatched: boolean;
}

/** A sequence's constraint, walked by tokens. To be disposed of. */
export class SequenceMatcher {
  /** Special tokens may be text. */
  readonly namesSpecials: boolean;
  readonly #sets: TokenSets;
  readonly #grammar: GrammarMatcher | undefined;
  readonly #thinking: ThinkingRules | undefined;
  readonly #first: Phase;
  #findsForced: boolean;
  #deadline = Infinity;
  #late: Error | undefined;
  readonly #steps: Step[] = [];

  /**
   * @param grammar matcher of what comes after the thinking; this object disposes of it
   * @param namesSpecials special tokens may be text in the grammar
   * @param forcesShort texts that the grammar leaves no choice about are short; others are not looked for
   */
  constructor(
    sets: TokenSets,
    { grammar, thinking, namesSpecials = false, forcesShort = true }: {
      readonly grammar?: GrammarMatcher | undefined;
      readonly thinking?: ThinkingConstraint | undefined;
      readonly namesSpecials?: boolean;
      readonly forcesShort?: boolean;
    },
  ) {
    this.namesSpecials = namesSpecials;
    this.#findsForced = forcesShort;
    this.#sets = sets;
    this.#grammar = grammar;
    this.#thinking = thinking && new ThinkingRules(thinking);
    this.#first = thinking === undefined
      ? { type: "answer" }
      : thinking.startToken === undefined
      ? { type: "thinking", state: THINKING_BEGINS }
      : { type: "start" };
  }

  /** Number of tokens taken. */
  get numTokens(): number {
    return this.#steps.length;
  }

  /** The last tokens taken, `count` at most. */
  lastTokens(count: number): number[] {
    return this.#steps.slice(Math.max(0, this.#steps.length - count)).map(({ token }) => token);
  }

  /** From a point in time on, milliseconds as `performance.now()` has them, tokens and masks end with an error. */
  hurry(deadline: number, error: Error): void {
    this.#deadline = deadline;
    this.#late = error;
  }

  /**
   * Takes a token; false, and nothing has changed, if it is forbidden.
   *
   * @throws what {@linkcode SequenceMatcher.hurry} was given, if it is too late
   */
  accept(token: number): boolean {
    this.#assertInTime();
    const step = this.#stepOf(token);
    if (step === undefined) return false;
    this.#steps.push(step);
    return true;
  }

  /** Takes the last tokens back. */
  back(count: number): void {
    const taken = this.#steps.splice(this.#steps.length - count, count);
    const numMatched = taken.filter(({ isMatched }) => isMatched).length;
    if (numMatched > 0) this.#grammar!.rollBack(numMatched);
  }

  /** Whether an end token has come, behind which nothing is matched. */
  get isEnded(): boolean {
    return this.#phase.type === "ended";
  }

  /**
   * What may come next.
   *
   * @throws what {@linkcode SequenceMatcher.hurry} was given, if it is too late
   */
  async allowed(): Promise<Allowed> {
    this.#assertInTime();
    const phase = this.#phase;
    switch (phase.type) {
      case "ended":
        return this.#sets.ends;
      case "thinking": {
        const only = this.#thinking!.allowed(phase.state);
        if (only !== undefined) return this.#sets.of(only);
        return this.#grammar === undefined ? "any" : this.#sets.notEnds;
      }
      case "start": {
        const answer = await this.#allowedByGrammar();
        if (answer === "any") return answer;
        return this.#sets.with(answer === "none" ? undefined : answer, this.#thinking!.startToken!);
      }
      case "answer":
        return await this.#allowedByGrammar();
    }
  }

  /** Tokens of the thinking's end that must come next. */
  forcedTokens(): readonly number[] {
    const phase = this.#phase;
    return phase.type === "thinking" ? this.#thinking!.forced(phase.state) : [];
  }

  /** The text that must come next; empty if there are several, or it may be long. */
  forcedText(): string {
    if (this.#phase.type !== "answer" || this.#grammar === undefined || !this.#findsForced) return "";
    const start = performance.now(), text = this.#grammar.findJumpForwardString();
    this.#findsForced = performance.now() - start <= MAX_FORCED_MS;
    return text;
  }

  /** Whether this text may come next. */
  mayContinue(text: string): boolean {
    if (this.#phase.type !== "answer" || this.#grammar === undefined) return true;
    const mayContinue = this.#grammar._acceptString(text);
    if (mayContinue) this.#grammar.rollBack(1);
    return mayContinue;
  }

  /** Whether the grammar may end here, with an end token of the model. */
  mayEnd(end: number): boolean {
    if (this.#phase.type !== "answer" || this.#grammar?.acceptToken(end) !== true) return false;
    this.#grammar.rollBack(1);
    return true;
  }

  /** Frees its part of the Wasm heap. */
  dispose(): void {
    this.#grammar?.dispose();
  }

  #assertInTime(): void {
    if (performance.now() <= this.#deadline) return;
    throw this.#late;
  }

  get #phase(): Phase {
    return this.#steps.at(-1)?.phase ?? this.#first;
  }

  #stepOf(token: number): Step | undefined {
    const phase = this.#phase;
    switch (phase.type) {
      case "ended":
        return undefined;
      case "start":
        return token === this.#thinking!.startToken
          ? { token, phase: { type: "thinking", state: THINKING_BEGINS }, isMatched: false }
          : this.#answerStep(token);
      case "thinking": {
        if (this.#grammar !== undefined && this.#sets.isEnd(token)) return undefined;
        const state = this.#thinking!.next(phase.state, token);
        if (state === undefined) return undefined;
        const after: Phase = this.#thinking!.isOver(state) ? { type: "answer" } : { type: "thinking", state };
        return { token, phase: after, isMatched: false };
      }
      case "answer":
        return this.#answerStep(token);
    }
  }

  #answerStep(token: number): Step | undefined {
    if (this.#grammar === undefined) return { token, phase: { type: "answer" }, isMatched: false };
    if (!this.#grammar.acceptToken(token)) return undefined;
    return { token, phase: { type: this.#sets.isEnd(token) ? "ended" : "answer" }, isMatched: true };
  }

  async #allowedByGrammar(): Promise<Allowed> {
    if (this.#grammar === undefined) return "any";
    const words = this.#sets.trim(await this.#grammar.getNextTokenBitmask());
    return words.some((word) => word !== 0) ? words : "none";
  }
}
