/**
 * Texts and conversations as a tokenizer takes them.
 *
 * @module
 */

/** A chat message as the template sees it. */
export interface ChatMessage {
  /** Role of the speaker, e.g. `user`. */
  readonly role: string;
  /** What is said. */
  readonly content: string;
  /** The parts of `content`, for templates that go over parts; left out where it came in one piece. */
  readonly contentParts?: readonly string[];
  /** Name of the speaker, for templates that show it. */
  readonly name?: string;
  /** What the assistant called; a template that does not show calls refuses them. */
  readonly toolCalls?: readonly ToolCall[];
  /** The call that a message of role `tool` answers. */
  readonly toolCallId?: string;
  /** What the assistant thought before it said `content`; a template decides which thoughts it repeats. */
  readonly reasoning?: string;
}

/** A call of a tool, as an assistant's message reports it. */
export interface ToolCall {
  /** What the answer to it names. */
  readonly id?: string;
  /** Name of the tool. */
  readonly name: string;
  /** Arguments by name, or JSON text of them. */
  readonly arguments: string | Readonly<Record<string, unknown>>;
}

/** How much the assistant is to think, for templates that have a switch for it. */
export interface ReasoningOptions {
  /** Whether it is to think at all. */
  readonly enabled: boolean;
  /** How much, in the words of OpenAI and SGLang: `low`, or a share from 0 to 0.99. */
  readonly effort?: string | number;
  /** The request field that says so, for errors. */
  readonly param: string;
}

/** How a text is read, see {@linkcode Generator.encode}. */
export interface EncodeOptions {
  /** Add what the model expects around a text, such as bos; true if left out. */
  readonly addSpecialTokens?: boolean;
  /** Read special tokens written out in the text as such. */
  readonly parseSpecial?: boolean;
}

/** How a conversation is rendered, see {@linkcode Generator.renderChat}. */
export interface RenderOptions {
  /** The last message, the assistant's, is the beginning of the answer. */
  readonly continueFinalMessage?: boolean;
  /** Whether the text ends where the assistant's turn begins; true if left out. False ends it with the last message. */
  readonly addGenerationPrompt?: boolean;
  /** Tools that the assistant may call, as JSON schemas in OpenAI's form. */
  readonly tools?: readonly Readonly<Record<string, unknown>>[];
  /** Texts that the answer draws on. */
  readonly documents?: readonly Readonly<Record<string, unknown>>[];
  /** Variables for the template besides the usual ones. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Turns thinking on or off; left to the template if left out. */
  readonly reasoning?: ReasoningOptions;
}

/** Whether a chat template has words for tools; one that has none gets them described in the system's message. */
export function showsTools(template: string): boolean {
  return /\btools\b/.test(template);
}
