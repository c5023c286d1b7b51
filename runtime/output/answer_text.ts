/**
 * Reads the parts of an answer out of its text as it comes.
 *
 * @module
 */
import type { CallFormat } from "./call_format.ts";
import { Characters, Feed, type Reading } from "./characters.ts";
import { readText } from "./marked_text.ts";
import { PartList } from "./part_list.ts";
import type { AnswerPart } from "./parts.ts";
import { readReasoning, type ReasoningFormat, type ReasoningOptions } from "./reasoning.ts";

/** What an answer may have besides content. */
export interface AnswerForm {
  readonly reasoning?: ReasoningFormat & ReasoningOptions;
  readonly calls?: {
    readonly format: CallFormat;
    /** Names of the tools; undefined: any. */
    readonly names?: ReadonlySet<string>;
  };
}

/** The text of one answer. The parts of all pushes and the flush, put together, do not depend on the pieces. */
export class AnswerText {
  readonly #characters = new Characters();
  readonly #parts: PartList;
  readonly #feed: Feed | undefined;
  #isReasoning: boolean;
  #hasReasoned = false;

  /** Starts an empty text. */
  constructor(form: AnswerForm) {
    this.#parts = new PartList(form.calls?.format.newId ?? newCallId);
    this.#isReasoning = form.reasoning !== undefined && form.reasoning.state !== "over";
    // Text that has only content needs no reading.
    if (this.#isReasoning || form.calls !== undefined) this.#feed = new Feed(this.#read(form));
  }

  /** Whether there is, or was, reasoning. */
  get hasReasoned(): boolean {
    return this.#hasReasoned;
  }

  /** Whether the text so far may be followed by more reasoning. */
  get isReasoning(): boolean {
    return this.#isReasoning;
  }

  /** Parts that became certain with more text. */
  push(text: string): AnswerPart[] {
    if (this.#feed === undefined) this.#parts.addContent(text);
    else this.#feed.push(text);
    return this.#parts.take();
  }

  /** What is left when the text is over. */
  flush(): AnswerPart[] {
    this.#feed?.end();
    return this.#parts.take();
  }

  *#read({ reasoning, calls }: AnswerForm): Reading {
    if (reasoning !== undefined && this.#isReasoning) {
      const begun = () => void (this.#hasReasoned = true);
      const isLeftOut = yield* readReasoning(
        { characters: this.#characters, parts: this.#parts, begun },
        reasoning,
      );
      this.#isReasoning = false;
      if (isLeftOut) yield* this.#characters.space();
    }
    const target = { characters: this.#characters, parts: this.#parts, names: calls?.names };
    if (calls === undefined) yield* readText(target, []);
    else yield* calls.format.read(target);
  }
}

/** An id for a call, as OpenAI writes them. */
function newCallId(): string {
  return `call_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
}
