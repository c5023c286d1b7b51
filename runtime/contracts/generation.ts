/**
 * The face the engine shows to routes and library users: text in, updates out. `routes/` depends on this file only,
 * so that tests can put a fake behind it.
 *
 * @module
 */
import type { OutputConstraint } from "./constraint.ts";
import type { ChatMessage, EncodeOptions, RenderOptions } from "./chat.ts";
import type { ModelInfo } from "./model_info.ts";
import type { HiddenStates } from "./hidden_states.ts";
import type { FinishReason, TokenLogprob } from "./outputs.ts";
import type { PauseMode, SchedulerSettings } from "./scheduler_settings.ts";
import type { SchedulerState } from "./scheduler_state.ts";
import type { ServerInfo } from "./server_info.ts";
import type { TextRound } from "./speculation_round.ts";
import type { Usage } from "./usage.ts";
import type { SamplingParams } from "./sampling_params.ts";

/** Where a generation comes from: for metrics and traces; its tokens do not depend on it. */
export interface RequestOrigin {
  /** Time at which the HTTP request had been read, by `performance.now()`; that of `generate` if left out. */
  readonly receivedAt?: number;
  /** The answer is a stream. */
  readonly isStreaming?: boolean;
  /** Kind of generation, in the words of OpenTelemetry's `gen_ai.operation.name`. */
  readonly operation?: "chat" | "text_completion" | "embeddings";
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
  /** The client, e.g. its address: waiting requests of several clients take turns. */
  readonly client?: string;
  /** Only generations with the same key share a prefix's KV; generations without one share among themselves. */
  readonly cacheKey?: string;
  /** The batch it belongs to: if there is no room for all of it, nothing of it runs. */
  readonly batch?: SubmitBatch;
  /** What its output must obey. */
  readonly constraint?: OutputConstraint;
  /** Special tokens that are shown although special tokens are not: what reads the text needs them. */
  readonly shownTokens?: readonly number[];
  /** False: decoded plainly, no drafts are made for it. Its tokens are the same. */
  readonly speculative?: boolean;
  /** Report each verification round in {@linkcode GenerationUpdate.rounds}. */
  readonly reportsRounds?: boolean;
  /** Report hidden states in {@linkcode GenerationUpdate.hiddenStates}; with `last`, of the last token only. */
  readonly hiddenStates?: HiddenStates;
  /** Where it comes from. */
  readonly origin?: RequestOrigin;
}

/** A text to embed. */
export interface EmbeddingRequest
  extends Pick<GenerationRequest, "requestId" | "promptTokens" | "client" | "cacheKey" | "batch" | "origin"> {
  /** Numbers of the embedding, the first ones of {@linkcode EmbeddingInfo.size}; all if left out. */
  readonly dimensions?: number;
}

/** An embedding. */
export interface Embedding {
  /** [dimensions]; of length 1 if the model's embeddings are. */
  readonly embedding: Float32Array;
  /** Tokens of the text. */
  readonly usage: Usage;
}

/** A request's place among the generations of one HTTP request; they are submitted one right after another. */
export interface SubmitBatch {
  /** Of no other batch. */
  readonly id: string;
  /** Which of its prompts this is; copies of one prompt come one right after another, and share its KV. */
  readonly promptIndex: number;
  /** Requests that come after this one. */
  readonly numFollowing: number;
  /** Tokens of their prompts. */
  readonly numFollowingTokens: number;
}

/** What became known since the last update. */
export interface GenerationUpdate {
  /** New text; whole UTF-8 characters only, and nothing that may still become part of a stop text. */
  readonly text: string;
  /** New tokens, of `text` and of text that is still withheld. */
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
  /**
   * Verification rounds whose text is known for certain, when asked for. They may lag behind `tokens` while text is
   * withheld; the last update has the rest.
   */
  readonly rounds?: readonly TextRound[];
  /**
   * Outputs of the final norm, when asked for: an entry per new token, [hiddenSize], of the row that it was drawn after;
   * the first entry of a generation has those of the whole prompt, [prompt tokens, hiddenSize]. There is one if 0 tokens
   * were asked for, too. With `last` only one entry, that of the last token, in the last update.
   */
  readonly hiddenStates?: readonly Float32Array[];
  /** Set in the last update. */
  readonly finish?: FinishReason;
  /** Counts so far; `numCachedTokens` and `numPreemptions` are final in the last update. */
  readonly usage: Usage;
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

  /**
   * Embeds a text: the hidden states of its tokens, pooled as the checkpoint says, cut to `dimensions`, then normalised.
   * Bits do not depend on what else runs. Aborting `signal` cancels the request within one step.
   *
   * @throws {InvalidRequestError} if the text is empty or does not fit, or a token is outside the vocabulary
   * @throws {OverloadedError} if the queue is full
   * @throws {AbortedError} if it was aborted
   */
  embed(request: EmbeddingRequest, signal?: AbortSignal): Promise<Embedding>;

  /** Cancels every live request whose id starts with `prefix`, for the reason `message`; returns how many. */
  abort(prefix: string, message?: string): number;
  /** Empties the radix cache; false while requests run or wait. */
  flushCache(): Promise<boolean>;
  /** Arguments in effect, counters and memory; never the API key. */
  serverInfo(): Promise<ServerInfo>;
  /** Scheduler counters. */
  schedulerState(): Promise<SchedulerState>;
  /** Metrics in Prometheus' text format 0.0.4; undefined if none are kept. */
  metrics(): Promise<string | undefined>;
}
