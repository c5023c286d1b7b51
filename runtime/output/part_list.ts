/**
 * The parts of an answer as a reading finds them.
 *
 * @module
 */
import type { AnswerPart } from "./parts.ts";

/** Gathers parts; texts of the same kind that follow each other are one. */
export class PartList {
  readonly #newId: () => string;
  #parts: AnswerPart[] = [];
  #numCalls = 0;

  /** `newId` names calls. */
  constructor(newId: () => string) {
    this.#newId = newId;
  }

  /** Whether a call was found. */
  get hasCalls(): boolean {
    return this.#numCalls > 0;
  }

  /** Appends text of the reasoning. */
  addReasoning(text: string): void {
    this.#add({ type: "reasoning", text });
  }

  /** Appends text that is shown. */
  addContent(text: string): void {
    this.#add({ type: "content", text });
  }

  /** Begins a call. */
  addCall(name: string): void {
    this.#parts.push({ type: "call", index: this.#numCalls++, id: this.#newId(), name });
  }

  /** Appends text of the arguments of the call begun last. */
  addArguments(text: string): void {
    this.#add({ type: "arguments", index: this.#numCalls - 1, text });
  }

  /** Takes the parts gathered since the last time. */
  take(): AnswerPart[] {
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  #add(part: Exclude<AnswerPart, { readonly type: "call" }>): void {
    const last = this.#parts.at(-1);
    if (part.text === "") return;
    if (last?.type === part.type) {
      this.#parts[this.#parts.length - 1] = { ...part, text: last.text + part.text };
    } else this.#parts.push(part);
  }
}
