/**
 * Chat templates: Jinja text from the model, rendered over the messages of a request.
 *
 * @module
 */
import { Template } from "@huggingface/jinja";
import { InvalidRequestError, LoadError } from "../errors.ts";
import type { ChatMessage } from "../generation.ts";
import type { SpecialTokens } from "./special_tokens.ts";

/** Far above any published template. */
const MAX_TEMPLATE_CHARS = 256 * 1024;

/** Longest rendered chat, in UTF-16 units: what a body may carry. */
const MAX_RENDERED_CHARS = 4 * 1024 * 1024;

/** A rendered chat in which `guard` marks what must not be read as a special token. */
export interface RenderedChat {
  readonly text: string;
  readonly guard: string;
}

/** A compiled chat template. */
export class ChatTemplate {
  readonly #source: string;
  readonly #template: Template;
  readonly #variables: Readonly<Record<string, unknown>>;

  /**
   * Compiles `source`; `variables` are what templates expect besides the messages, such as `bos_token`.
   *
   * @throws {LoadError} if it is too long or not valid Jinja
   */
  constructor(source: string, variables: Readonly<Record<string, unknown>>) {
    if (source.length > MAX_TEMPLATE_CHARS) {
      throw new LoadError(
        `Cannot load chat template: ${source.length} characters, at most ${MAX_TEMPLATE_CHARS} allowed`,
      );
    }
    try {
      this.#template = new Template(source);
    } catch (error) {
      throw new LoadError(`Cannot load chat template: ${error instanceof Error ? error.message : error}`);
    }
    this.#source = source;
    this.#variables = { ...variables, tools: null, documents: null };
  }

  /**
   * Renders messages and opens the assistant's turn. With `continueFinalMessage` the last message, the assistant's,
   * is that turn's beginning.
   *
   * @throws {InvalidRequestError} if the template rejects the messages, or makes too long a text of them
   */
  render(
    messages: readonly ChatMessage[],
    specials: SpecialTokens,
    continueFinalMessage: boolean,
  ): RenderedChat {
    const last = messages.at(-1);
    if (continueFinalMessage && last?.role !== "assistant") {
      throw new InvalidRequestError(
        `Cannot continue final message: its role is ${last?.role ?? "absent"}, expected assistant`,
        "messages",
      );
    }
    const texts = messages.flatMap(({ role, content, name }) => [role, content, name ?? ""]);
    const guard = specials.chooseGuard([this.#source, ...texts]);
    const guarded = messages.map(({ role, content, name }) => ({
      role: specials.guard(role, guard),
      content: specials.guard(content, guard),
      ...(name !== undefined && { name: specials.guard(name, guard) }),
    }));
    const beginning = continueFinalMessage ? guarded.pop()!.content : "";
    const text = this.#render(guarded);
    if (text.length > MAX_RENDERED_CHARS) {
      throw new InvalidRequestError(
        `Cannot render chat: the template makes ${text.length} characters of it, at most ${MAX_RENDERED_CHARS} are allowed`,
        "messages",
      );
    }
    return { text: text + beginning, guard };
  }

  #render(messages: readonly ChatMessage[]): string {
    try {
      return this.#template.render({ ...this.#variables, messages, "add_generation_prompt": true });
    } catch (error) {
      throw new InvalidRequestError(
        `Cannot render chat: ${error instanceof Error ? error.message : error}`,
        "messages",
      );
    }
  }
}
