/**
 * The face the engine shows to routes and library users: text in, updates out. `routes/` depends on this file only,
 * so that tests can put a fake behind it.
 *
 * @module
 */
import type { PauseMode, SchedulerSettings } from "../messages/control.ts";
import type { FinishReason, TokenLogprob } from "./outputs.ts";
import type { SchedulerState } from "./scheduler_state.ts";
import type { Usage } from "./usage.ts";
import type { SubmitBatch } from "../messages/engine_scheduler.ts";
import type { SamplingParams } from "./sampling_params.ts";
import type { TextBound } from "./text_length.ts";

/** Where a generation comes from: for metrics and traces; its tokens do not depend on it. */
export interface RequestOrigin {
  /** Time at which the HTTP request had been read, by `performance.now()`; that of `generate` if left out. */
  readonly receivedAt?: number;
  /** The answer is a stream. */
  readonly isStreaming?: boolean;
  /** Kind of generation, in the words of OpenTelemetry's `gen_ai.operation.name`. */
  readonly operation?: "chat" | "text_completion";
  /** The headers `traceparent` and `tracestate`, which name the trace of the caller. */
  readonly trace?: Readonly<Record<string, string>>;
  /** The request is the server's own, as health checks are: neither counted nor traced. */
  readonly isOwn?: boolean;
}

/** One generation. */
export interface GenerationRequest {
  /** Unique among live requests. */
  readonly requestId: string;
  /** Token ids; see {@linkcode Generator.encode} and {@linkcode Generator.renderChat}. */
  readonly promptTokens: Int32Array;
  /** How tokens are drawn and when to stop. */
  readonly sampling: SamplingParams;
  /** Who asks, e.g. an address: waiting requests of several clients take turns. */
  readonly client?: string;
  /** Only generations with the same one share a prefix's KV; absent, those without. */
  readonly cacheKey?: string;
  /** The batch it belongs to: if there is no room for all of it, nothing of it runs. */
  readonly batch?: SubmitBatch;
  /** Where it comes from. */
  readonly origin?: RequestOrigin;
}

/** What became known since the last update. */
export interface GenerationUpdate {
  /** New text; whole UTF-8 characters only, and nothing that may still become part of a stop text. */
  readonly text: string;
  /** New tokens, the ones behind `text` and those still withheld. */
  readonly tokens: readonly number[];
  /** One per new token, when asked for. */
  readonly logprobs?: readonly TokenLogprob[];
  /**
   * Characters (code points) of the generation's text before the text of each token, in order, with `logprobs` only. It
   * may lag behind `tokens` while text is withheld; the last update has the rest.
   */
  readonly textOffsets?: readonly number[];
  /** What may come next, where 0 tokens were asked for, but the logprobs of some. */
  readonly next?: TokenLogprob;
  /** In the first update only, when asked for. */
  readonly promptLogprobs?: readonly TokenLogprob[];
  /** Set in the last update. */
  readonly finish?: FinishReason;
  /** Counts so far; `numCachedTokens` and `numPreemptions` are final in the last update. */
  readonly usage: Usage;
}

/** A chat message as the template sees it. */
export interface ChatMessage {
  /** Who speaks, e.g. `user`. */
  readonly role: string;
  /** What is said. */
  readonly content: string;
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
  /** Variables for the template besides those that every template gets. */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Turns thinking on or off; left to the template if left out. */
  readonly reasoning?: ReasoningOptions;
}

/** Facts about the served model. */
export interface ModelInfo {
  /** What was asked for, or the default model's name. */
  readonly modelPath: string;
  /** What clients may load model and tokenizer from: the same, or for a GGUF file a folder that has both. */
  readonly modelFolder: string;
  /** Folder with tokenizer.json, or the file that the tokenizer came from. */
  readonly tokenizerPath: string;
  /** Hugging Face's name of the architecture, e.g. `LlamaForCausalLM`. */
  readonly architecture: string;
  /** What the tokenizer puts around texts. */
  readonly tokenizer: TokenizerFacts;
  /** Name in answers, and the first in `/v1/models`. */
  readonly servedModelName: string;
  /** Other names that requests may give. */
  readonly modelAliases: readonly string[];
  /** Longest sequence in tokens. */
  readonly contextLength: number;
  /** Sequences in one batch at most, as the server was started. */
  readonly maxRunningRequests: number;
  /** Token ids are below this. */
  readonly vocabSize: number;
  /** What a text's length says about the number of its tokens. */
  readonly textBound: TextBound;
  /** Tokens that end a generation. */
  readonly eosTokenIds: readonly number[];
  /** What exceeds the context is cut off instead of refused. */
  readonly allowAutoTruncate: boolean;
}

/** Texts that the model's tokenizer gives a meaning to. */
export interface TokenizerFacts {
  /** Begins a document. */
  readonly bosToken?: string;
  /** Ends one. */
  readonly eosToken?: string;
  /** Stands for what the vocabulary lacks. */
  readonly unkToken?: string;
  /** Fills rows up. */
  readonly padToken?: string;
  /** A text gets a bos token put before it. */
  readonly addsBos: boolean;
  /** Jinja text of the chat template. */
  readonly chatTemplate?: string;
}

/** A profile to be made. */
export interface ProfileRequest {
  /** Folder to write into, absolute or below the profile folder; the latter if left out. */
  readonly folder?: string;
  /** Beginning of the file's name. */
  readonly prefix?: string;
  /** Steps to let pass first. */
  readonly numSkipped?: number;
  /** Steps after which the profile ends by itself. */
  readonly numSteps?: number;
}

/** What an operator may do to a generator while it runs. */
export interface GeneratorControl {
  /** A pause was asked for and has not been ended. */
  readonly isPaused: boolean;
  /** Holds work up; resolves when nothing is being computed. Requests go on to queue. */
  pause(mode: PauseMode): Promise<void>;
  /** Ends a pause. */
  resume(): Promise<void>;
  /** Changes settings of the scheduler. */
  configure(settings: SchedulerSettings): Promise<void>;
  /**
   * Starts to record steps; returns the path of the file that they will be in.
   *
   * @throws {InvalidRequestError} if that is being done, or clients may not write there
   */
  startProfile(request: ProfileRequest): Promise<string>;
  /**
   * Ends the recording; returns the path of the file.
   *
   * @throws {InvalidRequestError} if none is being made
   */
  stopProfile(): Promise<string>;
}

/** The engine as a client sees it. */
export interface Generator {
  /** Facts about the served model. */
  readonly model: ModelInfo;
  /** False while starting, stopping, or after a crash. */
  readonly ready: boolean;
  /** Levers for operators. */
  readonly control: GeneratorControl;

  /**
   * Tokens of plain text. Special tokens written out in the text stay text unless `parseSpecial`. Does not block the
   * calling thread; aborting `signal` ends the wait.
   *
   * @throws {InvalidRequestError} if it takes too much time or memory
   * @throws {OverloadedError} if too much text waits already
   */
  encode(text: string, options?: EncodeOptions, signal?: AbortSignal): Promise<Int32Array>;
  /** Text of tokens. */
  decode(tokens: readonly number[], options?: { skipSpecialTokens?: boolean }): string;
  /** Text of tokens, pushed one by one: the pushes and the flush together are what `decode` says. */
  detokenizer(options: { skipSpecialTokens: boolean }): { push(token: number): string; flush(): string };
  /** Text of tokens, special ones included, and the characters (code points) before the text of each. */
  decodeWithStarts(tokens: readonly number[]): { readonly text: string; readonly starts: readonly number[] };
  /** A token as the vocabulary writes it, e.g. `Ġworld`; empty for an id without a token. */
  tokenName(token: number): string;
  /** Bytes that a token adds to a text, the text of a special token included; none for an id without a token. */
  tokenBytes(token: number): Uint8Array;
  /**
   * Tokens of a conversation by the model's chat template, ready for the assistant's turn. Special tokens inside
   * message contents stay text. Does not block, like `encode`.
   *
   * @throws {InvalidRequestError} if the template rejects the messages or does not show what they carry, its text cannot
   * fit the context, or it takes too much time or memory
   * @throws {OverloadedError} if too much text waits already
   */
  renderChat(
    messages: readonly ChatMessage[],
    options?: RenderOptions,
    signal?: AbortSignal,
  ): Promise<Int32Array>;

  /**
   * Runs a generation. Ends after the update that carries `finish`. Aborting `signal`, or leaving the loop early,
   * cancels the request within one step.
   *
   * @throws {InvalidRequestError} if the prompt is empty or does not fit, or a token is outside the vocabulary
   * @throws {OverloadedError} if the queue is full
   */
  generate(request: GenerationRequest, signal?: AbortSignal): AsyncIterable<GenerationUpdate>;

  /** Cancels every live request whose id starts with `prefix`, for the reason `message`; returns how many. */
  abort(prefix: string, message?: string): number;
  /** Empties the radix cache; false while requests run or wait. */
  flushCache(): Promise<boolean>;
  /** All arguments and counters for `/get_server_info`; never the API key. */
  serverInfo(): Promise<Readonly<Record<string, unknown>>>;
  /** Scheduler counters. */
  schedulerState(): Promise<SchedulerState>;
  /** Metrics in Prometheus' text format 0.0.4; undefined if none are kept. */
  metrics(): Promise<string | undefined>;
}
