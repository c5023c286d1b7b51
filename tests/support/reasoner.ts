/**
 * A generator whose model reasons, and what it writes.
 *
 * @module
 */
import type { ChatMessage, RenderOptions } from "../../runtime/contracts/chat.ts";
import { FakeGenerator, type Step } from "./fake_generator.ts";

/** Tokens of the marks of reasoning. */
export const BEGIN = 1, END = 2;

/** A model that reasons; its marks are tokens of their own. */
export class Reasoner extends FakeGenerator {
  /** What its template ends prompts with. */
  opening = "";

  constructor(script: () => readonly Step[]) {
    super(script);
    const chatTemplate = "{% if enable_thinking %}<think></think>{% endif %}";
    this.model = { ...this.model, tokenizer: { ...this.model.tokenizer, chatTemplate } };
  }

  override encode(text: string): Promise<Int32Array> {
    if (text === "<think>") return Promise.resolve(Int32Array.of(BEGIN));
    return text === "</think>" ? Promise.resolve(Int32Array.of(END)) : super.encode(text);
  }

  override async renderChat(messages: readonly ChatMessage[], options?: RenderOptions): Promise<Int32Array> {
    const tokens = await super.renderChat(messages, options);
    const opening = await super.encode(options?.continueFinalMessage ? "" : this.opening);
    return Int32Array.of(...tokens, ...opening);
  }
}

/** Yields texts, a token each but for the marks, which are theirs. */
export function write(...texts: string[]): Step[] {
  const token = (text: string) => text === "<think>" ? BEGIN : text === "</think>" ? END : 65;
  const steps: Step[] = texts.map((text) => ({ text, tokens: [token(text)] }));
  return [...steps, { tokens: [0], finish: { type: "stop", matched: 0 } }];
}
