/**
 * An answer as formatted text: blocks in and near view as nodes, others as boxes of the height that they had, with their
 * Markdown as text so that it can be found and copied.
 *
 * @module
 */
import { type Answer, isGoing } from "../api/answer.ts";
import { type MarkdownBlock, MarkdownFlow } from "./markdown_blocks.ts";
import { copyCode, nodesOf } from "./markdown_nodes.ts";
import { holdsSelection, NearViewport } from "./near_viewport.ts";

/** The text of one answer. */
export class ReadingText {
  readonly element: HTMLElement = document.createElement("div");
  readonly #flow = new MarkdownFlow();
  #blocks: readonly MarkdownBlock[] = [];
  /** Elements of the blocks, and which of these are filled with nodes. */
  readonly #elements: HTMLElement[] = [];
  readonly #filled = new Set<HTMLElement>();
  readonly #near: NearViewport;

  constructor() {
    this.element.className = "reading-text";
    this.#near = new NearViewport((element, isNear) => isNear ? this.#fill(element) : this.#empty(element));
    this.element.addEventListener("click", copyCode);
  }

  /** Shows an answer; of one that continues what is shown only the end is made anew. */
  update(answer: Answer): void {
    this.#flow.update(answer.text, !isGoing(answer));
    const blocks = this.#flow.blocks.filter(({ html }) => html !== ""), before = this.#blocks;
    this.#blocks = blocks;
    while (this.#elements.length > blocks.length) this.#remove(this.#elements.pop()!);
    const numKnown = this.#elements.length;
    const isFollowed = numKnown === 0 || this.#filled.has(this.#elements[numKnown - 1]!);
    for (const [index, block] of blocks.entries()) {
      // What streams in is formatted at once; of a whole answer only what is in view.
      if (index >= numKnown) this.#add(index, index === numKnown && isFollowed);
      else if (block !== before[index]) this.#show(this.#elements[index]!);
    }
  }

  /** Stops watching the viewport. */
  dispose(): void {
    this.#near.clear();
  }

  #add(index: number, isFilled: boolean): void {
    const element = document.createElement("div");
    element.dir = "auto";
    element.dataset.block = `${index}`;
    this.#elements.push(element);
    if (isFilled) this.#filled.add(element);
    this.#show(element);
    this.element.append(element);
    this.#near.add(element);
  }

  #remove(element: HTMLElement): void {
    this.#filled.delete(element);
    element.remove();
  }

  #show(element: HTMLElement): void {
    const block = this.#blocks[Number(element.dataset.block)]!, isFilled = this.#filled.has(element);
    element.className = isFilled ? "block" : "block unfilled";
    element.style.blockSize = "";
    element.replaceChildren(isFilled ? nodesOf(block) : block.raw.trimEnd());
  }

  #fill(element: HTMLElement): void {
    if (this.#filled.has(element) || holdsSelection(element)) return;
    this.#filled.add(element);
    this.#show(element);
  }

  #empty(element: HTMLElement): void {
    const isUsed = holdsSelection(element) || element.contains(document.activeElement);
    if (!this.#filled.has(element) || isUsed) return;
    const { height } = element.getBoundingClientRect();
    this.#filled.delete(element);
    this.#show(element);
    element.style.blockSize = `${height}px`;
  }
}
