/**
 * The text of an answer as elements: spans for the tokens in and near view, one text node for every other chunk. All
 * text is there at any time, so that finding, selecting, copying and reading aloud work, and since spans change no
 * letter's place, chunks need no measured heights. Works on elements directly: thousands of tokens pass by.
 *
 * @module
 */
import type { Answer } from "../api/answer.ts";
import { holdsSelection, NearViewport } from "./near_viewport.ts";
import { describeToken } from "./round_facts.ts";
import { copyExactly, listenToPointer, type TokenHandlers, tokenOf } from "./token_events.ts";
import { TokenFlow } from "./token_flow.ts";
import { spokenText } from "./visible_text.ts";

let numTexts = 0;

/** The text of one answer. */
export class TokenText {
  /** Holds the text and nothing else. */
  readonly element: HTMLElement = document.createElement("div");
  /** Describes the token that Tab leads to; belongs beside the text. */
  readonly description: HTMLElement = document.createElement("span");
  flow: TokenFlow = new TokenFlow();
  readonly #handlers: TokenHandlers;
  readonly #near: NearViewport;
  readonly #chunks: HTMLSpanElement[] = [];
  readonly #expanded = new Set<number>();
  readonly #rest = document.createElement("span");
  #current = 0;
  #markedRound: number | undefined;

  constructor(handlers: TokenHandlers) {
    this.#handlers = handlers;
    this.#near = new NearViewport((element, isNear) => {
      const chunk = Number(element.dataset.chunk);
      if (element === this.#chunks[chunk]) this.#setExpanded(chunk, isNear);
    });
    this.element.className = "token-text";
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "Answer, token by token");
    this.#rest.className = "token-rest";
    this.description.id = `token-description-${++numTexts}`;
    this.description.hidden = true;
    this.#listen();
  }

  /** Shows an answer; one that continues what is shown adds to it. Whether it does. */
  update(answer: Answer): boolean {
    const isContinued = this.flow.isContinuedBy(answer);
    if (!isContinued) this.#reset();
    const flow = this.flow, numShown = flow.tokens.length, numChunks = flow.chunks.length;
    flow.extend(answer);
    if (flow.tokens.length > numShown) {
      const from = Math.max(0, numChunks - 1), isExpanded = this.#expanded.has(from);
      for (let chunk = from; chunk < flow.chunks.length; chunk++) {
        if (chunk < numChunks) this.#grow(chunk, numShown);
        // What streams in is coloured at once; of a whole answer only what is in view, as soon as that is known.
        else this.#addChunk(chunk, chunk === numChunks && (isExpanded || chunk === 0));
      }
    }
    this.#showRest();
    if (numShown === 0 && flow.tokens.length > 0) this.makeCurrent(0);
    return isContinued;
  }

  /** Marks the tokens of a round; of none if undefined. */
  markRound(round: number | undefined): void {
    if (round === this.#markedRound) return;
    const [before, now] = [this.#markedRound, round];
    this.#markedRound = now;
    for (const marked of [before, now]) {
      if (marked === undefined) continue;
      for (let token = this.flow.firstOf(marked); token < this.flow.firstOf(marked + 1); token++) {
        this.elementOf(token)?.classList.toggle("in-round", marked === now);
      }
    }
  }

  /** Makes a token the one that Tab leads to, whose element stays while it is out of view. */
  makeCurrent(token: number): void {
    const before = this.elementOf(this.#current);
    for (const name of ["tabindex", "role", "aria-label", "aria-expanded", "aria-describedby"]) {
      before?.removeAttribute(name);
    }
    const { text, origin, round } = this.flow.tokens[token]!;
    this.#current = token;
    this.#setExpanded(this.flow.chunkOf(token), true);
    this.description.textContent = describeToken(origin, this.flow.rounds[round]!, round);
    const element = this.elementOf(token);
    element?.setAttribute("tabindex", "0");
    element?.setAttribute("role", "button");
    element?.setAttribute("aria-expanded", "false");
    element?.setAttribute("aria-describedby", this.description.id);
    if (text.trim() === "") element?.setAttribute("aria-label", spokenText(text));
  }

  /** Says of the current token whether its round is shown. */
  setShown(isShown: boolean): void {
    this.elementOf(this.#current)?.setAttribute("aria-expanded", `${isShown}`);
  }

  /** Moves the focus to a token. */
  focus(token: number): void {
    if (this.flow.tokens.length === 0) return;
    this.makeCurrent(token);
    this.elementOf(token)?.focus({ preventScroll: true });
    this.reveal(token);
  }

  /** Scrolls a token into view if it is not. */
  reveal(token: number): void {
    this.elementOf(token)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** The element of a token, if its chunk is expanded. */
  elementOf(token: number): HTMLElement | undefined {
    const chunk = this.flow.chunkOf(token);
    if (!this.#expanded.has(chunk)) return undefined;
    return this.#chunks[chunk]?.children[token - this.flow.chunks[chunk]!.first] as HTMLElement | undefined;
  }

  /** Stops watching the viewport. */
  dispose(): void {
    this.#near.clear();
  }

  #reset(): void {
    this.#near.clear();
    this.flow = new TokenFlow();
    this.#chunks.length = 0;
    this.#expanded.clear();
    this.#current = 0;
    this.#markedRound = undefined;
    this.element.replaceChildren();
  }

  #showRest(): void {
    const { rest } = this.flow;
    if (this.#rest.textContent !== rest) this.#rest.textContent = rest;
    if (rest === "") return this.#rest.remove();
    const paragraph = this.#paragraph();
    if (paragraph.lastChild !== this.#rest) paragraph.append(this.#rest);
  }

  /** The block in which the text goes on. */
  #paragraph(): Element {
    const last = this.element.lastElementChild, lastChunk = this.#chunks.length - 1;
    const hasEnded = lastChunk >= 0 && last === this.#chunks[lastChunk]!.parentNode &&
      this.flow.chunks[lastChunk]!.endsParagraph;
    if (last !== null && !hasEnded) return last;
    const paragraph = document.createElement("div");
    paragraph.dir = "auto";
    this.element.append(paragraph);
    return paragraph;
  }

  #addChunk(chunk: number, isExpanded: boolean): void {
    this.#rest.remove();
    const element = document.createElement("span");
    element.dataset.chunk = `${chunk}`;
    this.#paragraph().append(element);
    this.#chunks.push(element);
    if (isExpanded) this.#expanded.add(chunk);
    this.#fill(chunk);
    this.#near.add(element);
  }

  #grow(chunk: number, numShown: number): void {
    if (!this.#expanded.has(chunk)) return this.#fill(chunk);
    for (let token = numShown; token < this.flow.chunks[chunk]!.end; token++) {
      this.#chunks[chunk]!.append(this.#makeToken(token));
    }
  }

  #fill(chunk: number): void {
    const { first, end, text } = this.flow.chunks[chunk]!;
    if (!this.#expanded.has(chunk)) return this.#chunks[chunk]!.replaceChildren(text);
    const tokens = Array.from({ length: end - first }, (_, index) => this.#makeToken(first + index));
    this.#chunks[chunk]!.replaceChildren(...tokens);
  }

  #makeToken(token: number): HTMLElement {
    const { text, origin, round } = this.flow.tokens[token]!, element = document.createElement("span");
    element.className = `token ${origin}${round === this.#markedRound ? " in-round" : ""}`;
    element.dataset.token = `${token}`;
    element.textContent = text;
    return element;
  }

  #setExpanded(chunk: number, isExpanded: boolean): void {
    const element = this.#chunks[chunk];
    if (element === undefined || isExpanded === this.#expanded.has(chunk) || holdsSelection(element)) return;
    if (!isExpanded && this.flow.chunkOf(this.#current) === chunk) return;
    if (isExpanded) this.#expanded.add(chunk);
    else this.#expanded.delete(chunk);
    this.#fill(chunk);
  }

  #listen(): void {
    const { element } = this;
    listenToPointer(element, this.#handlers);
    copyExactly(element);
    element.addEventListener("focusin", ({ target }) => this.#handlers.onFocus(tokenOf(target)));
    element.addEventListener(
      "focusout",
      ({ relatedTarget }) => this.#handlers.onFocus(undefined, relatedTarget),
    );
    element.addEventListener("keydown", (event) => {
      const token = tokenOf(event.target);
      if (token !== undefined && this.#press(token, event)) event.preventDefault();
    });
  }

  #press(token: number, { key, altKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
    if (altKey || ctrlKey || metaKey) return false;
    const { flow } = this, last = flow.tokens.length - 1, { round } = flow.tokens[token]!;
    const isRtl = getComputedStyle(this.#chunks[flow.chunkOf(token)]!).direction === "rtl";
    const to = {
      [isRtl ? "ArrowRight" : "ArrowLeft"]: token - 1,
      [isRtl ? "ArrowLeft" : "ArrowRight"]: token + 1,
      ArrowDown: flow.firstOf(round + 1),
      ArrowUp: flow.firstBefore(round),
      Home: 0,
      End: last,
    }[key];
    if (key === "Enter" || key === " ") this.#handlers.onPick(token);
    else if (to === undefined) return false;
    else this.focus(Math.min(last, Math.max(0, to)));
    return true;
  }
}
