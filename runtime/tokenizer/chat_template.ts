/**
 * Chat templates: Jinja text from the model, rendered over the messages of a request.
 *
 * @module
 */
import { InvalidRequestError, LoadError } from "../contracts/errors.ts";
import {
  type ChatMessage,
  type ReasoningOptions,
  type RenderOptions,
  showsTools,
} from "../contracts/chat.ts";
import { JinjaError } from "../jinja/errors.ts";
import { Template } from "../jinja/template.ts";
import { type Describer, describeTools } from "./described_tools.ts";
import { assertShown } from "./shown_messages.ts";
import type { SpecialTokens } from "./special_tokens.ts";
import {
  mapTexts,
  type MessageForm,
  type TemplateMessage,
  type TemplateValue,
  textsIn,
  toTemplateMessages,
} from "./template_values.ts";

/** Far above any published template. */
const MAX_TEMPLATE_CHARS = 256 * 1024;

/** Longest rendered chat, in UTF-16 units: what a body may carry. */
const MAX_RENDERED_CHARS = 4 * 1024 * 1024;

/** A rendered chat in which `guard` marks what must not be read as a special token. */
export interface RenderedChat {
  readonly text: string;
  readonly guard: string;
}

/** A conversation in a form that the template may take. */
interface Attempt {
  readonly messages: readonly ChatMessage[];
  readonly tools: RenderOptions["tools"];
  readonly form: Partial<MessageForm>;
  /** What the text must have, where a template may leave out the message that has it. */
  readonly mustShow?: string;
}

/** A compiled chat template. */
export class ChatTemplate {
  readonly #source: string;
  readonly #template: Template;
  readonly #variables: Readonly<Record<string, TemplateValue>>;
  readonly #form: Pick<MessageForm, "takesParts" | "knowsDeveloper">;

  /**
   * Compiles `source`; `variables` are what templates expect besides the messages, such as `bos_token`.
   *
   * @throws {LoadError} if it is too long or not valid Jinja
   */
  constructor(source: string, variables: Readonly<Record<string, TemplateValue>>) {
    if (source.length > MAX_TEMPLATE_CHARS) {
      throw new LoadError(
        `Cannot load chat template: ${source.length} characters, at most ${MAX_TEMPLATE_CHARS} allowed`,
      );
    }
    try {
      this.#template = new Template(source);
    } catch (error) {
      if (!(error instanceof JinjaError)) throw error;
      const reason = error.kind === "UnsupportedError"
        ? `it needs ${error.message}, which is not supported`
        : error.message;
      throw new LoadError(`Cannot load chat template: ${reason}`);
    }
    this.#source = source;
    this.#variables = variables;
    this.#form = {
      takesParts: this.#template.loopsOver("content"),
      knowsDeveloper: /\bdeveloper\b/.test(source),
    };
  }

  /**
   * Renders messages and opens the assistant's turn. With `continueFinalMessage` the last message, the assistant's,
   * is that turn's beginning; with `addGenerationPrompt` false the last message is the end. `variables` replace none
   * that every template gets.
   *
   * @throws {InvalidRequestError} if the template rejects the messages, does not show what they carry, or makes too long
   * a text of them
   */
  render(
    messages: readonly ChatMessage[],
    specials: SpecialTokens,
    options: RenderOptions = {},
  ): RenderedChat {
    if (options.continueFinalMessage) assertContinuable(messages.at(-1));
    this.#assertKnows(messages, options.reasoning);
    const attempts = this.#attempts(messages, options);
    let first: InvalidRequestError | undefined;
    for (const attempt of attempts) {
      try {
        return this.#renderAttempt(attempt, specials, options);
      } catch (error) {
        if (!(error instanceof InvalidRequestError)) throw error;
        first ??= error;
      }
    }
    throw first;
  }

  /**
   * The forms in which a conversation may suit the template, best first. Where calls and results are no matter, there
   * is one.
   */
  #attempts(messages: readonly ChatMessage[], { tools }: RenderOptions): Attempt[] {
    const offersTools = (tools?.length ?? 0) > 0;
    const own = (form: Partial<MessageForm>): Attempt => ({ messages, tools, form });
    const described = (describer: Describer): Attempt => ({
      messages: describeTools(messages, tools, describer),
      tools: undefined,
      form: {},
      ...(offersTools && { mustShow: JSON.stringify(tools!.at(-1)) }),
    });
    const hasCalls = messages.some(({ role, toolCalls }) => role === "tool" || toolCalls !== undefined);
    if (offersTools && !showsTools(this.#source)) return [described("system"), described("user")];
    if (!hasCalls) return [own({})];
    const callsHaveNoContent = true, argumentsAreText = true;
    return [
      own({}),
      own({ callsHaveNoContent }),
      own({ callsHaveNoContent, argumentsAreText }),
      // Its calls would be of another form than those that the template asks for.
      ...(offersTools ? [] : [described("system")]),
    ];
  }

  #renderAttempt(
    { messages, tools, form, mustShow }: Attempt,
    specials: SpecialTokens,
    options: RenderOptions,
  ): RenderedChat {
    const { continueFinalMessage = false, addGenerationPrompt = true, documents } = options;
    const given = toTemplateMessages(messages, { ...this.#form, ...form });
    const chosen = {
      ...options.variables,
      ...reasoningVariables(options),
      ...(tools !== undefined && { tools }),
      ...(documents !== undefined && { documents }),
    } as Readonly<Record<string, TemplateValue>>;
    const guard = specials.chooseGuard([this.#source, ...textsIn([...given, chosen])]);
    const guardText = (text: string) => specials.guard(text, guard);
    const guarded = given.map((message) => mapTexts(message, guardText));
    const beginning = continueFinalMessage ? guardText(messages.at(-1)!.content) : "";
    if (continueFinalMessage) guarded.pop();
    const own = Object.fromEntries(
      Object.entries(chosen).map(([name, value]) => [name, mapTexts(value, guardText)] as const),
    );
    const variables = {
      ...own,
      ...this.#variables,
      tools: tools === undefined ? null : own["tools"]!,
      documents: documents === undefined ? null : own["documents"]!,
      "add_generation_prompt": addGenerationPrompt || continueFinalMessage,
    };
    const text = this.#render(guarded, variables);
    if (mustShow !== undefined && !text.replaceAll(guard, "").includes(mustShow)) {
      throw new InvalidRequestError(
        "Cannot accept tools: the model's chat template does not show them",
        "tools",
      );
    }
    assertShown(
      { messages: guarded, tools: variables.tools },
      guard,
      (marked) => this.#render(marked.messages, { ...variables, tools: marked.tools }),
    );
    return { text: text + beginning, guard };
  }

  #render(messages: readonly TemplateMessage[], variables: Readonly<Record<string, TemplateValue>>): string {
    try {
      return this.#template.render({ ...variables, messages }, { maxLength: MAX_RENDERED_CHARS });
    } catch (error) {
      if (!(error instanceof JinjaError)) throw error;
      throw new InvalidRequestError(`Cannot render chat: ${error.message}`, "messages");
    }
  }

  /** Refuses thoughts, and orders to think, that the template has no words for. */
  #assertKnows(messages: readonly ChatMessage[], reasoning: ReasoningOptions | undefined): void {
    const at = messages.findIndex((message) => message.reasoning !== undefined);
    // A template that knows thoughts by their marks leaves those of earlier turns out.
    if (at >= 0 && !/\breasoning(_content)?\b|\/think\b|\/THINK\b/.test(this.#source)) {
      const param = `messages[${at}].reasoning_content`;
      throw new InvalidRequestError(
        `Cannot accept ${param}: the model's chat template does not know the assistant's reasoning`,
        param,
      );
    }
    if (reasoning?.enabled && !/\b(enable_thinking|thinking|reasoning_effort)\b/.test(this.#source)) {
      throw new InvalidRequestError(
        `Cannot accept ${reasoning.param}: the model's chat template has no switch for reasoning`,
        reasoning.param,
      );
    }
  }
}

/** Only the text of a message can be continued. */
function assertContinuable(last: ChatMessage | undefined): void {
  const fail = (reason: string) => {
    throw new InvalidRequestError(`Cannot continue final message: ${reason}`, "messages");
  };
  if (last?.role !== "assistant") fail(`its role is ${last?.role ?? "absent"}, expected assistant`);
  if (last?.toolCalls !== undefined) fail("it calls tools");
  if (last?.reasoning !== undefined) fail("it has reasoning_content");
}

/** The switches for reasoning under the names that templates have for them; a variable of the request goes before. */
function reasoningVariables(
  { reasoning, variables }: RenderOptions,
): Readonly<Record<string, TemplateValue>> {
  if (reasoning === undefined) return {};
  const { enabled, effort } = reasoning;
  return {
    thinking: enabled,
    "enable_thinking": enabled,
    ...(effort !== undefined && { "reasoning_effort": effort }),
    ...variables,
  };
}
