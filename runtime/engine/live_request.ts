/**
 * One generation between the scheduler, which reports tokens, and its consumer, which takes updates at its own pace.
 *
 * @module
 */
import type { EngineTokenizer } from "./options.ts";
import type { GenerationRequest, GenerationUpdate } from "../contracts/generation.ts";
import type { FinishReason, TokenLogprob } from "../contracts/outputs.ts";
import type { Usage } from "../contracts/usage.ts";
import type { Finished, Tokens } from "../messages/engine_scheduler.ts";
import type { RequestObserver } from "../metrics/request_observer.ts";
import { RoundTexts } from "./round_texts.ts";
import { TextStream } from "./text_stream.ts";

/**
 * Update in the making: everything since the consumer's last one. A slow consumer gets one large update, not a queue of
 * small ones.
 */
interface Unseen {
  text: string;
  tokens: number[];
  logprobs?: TokenLogprob[];
  next?: TokenLogprob;
  promptLogprobs?: readonly TokenLogprob[];
  hiddenStates?: Float32Array[];
}

/** A request that was submitted and has not ended, or whose end was not yet taken. */
export class LiveRequest {
  readonly #stopTokens: ReadonlySet<number>;
  readonly #noStopTrim: boolean;
  readonly #wantsLogprobs: boolean;
  /** Of the hidden states, only the last is wanted. */
  readonly #wantsLastState: boolean;
  readonly #text: TextStream;
  /** Undefined unless rounds are to be reported. */
  readonly #rounds: RoundTexts | undefined;
  readonly #cancel: () => void;
  readonly #observer: RequestObserver | undefined;
  #unseen: Unseen = { text: "", tokens: [] };
  #arrival = Promise.withResolvers<void>();
  #usage: Usage;
  /** Set by a stop text: what the scheduler says afterwards is void, its final counts excepted. */
  #stoppedBy: FinishReason | undefined;
  #finish: FinishReason | undefined;
  #error: Error | undefined;
  /** Message of an abort that was asked for with one. */
  #abortMessage: string | undefined;

  constructor(
    request: GenerationRequest,
    options: {
      tokenizer: Pick<EngineTokenizer, "detokenizer">;
      /** The model's end tokens. */
      eosTokenIds: readonly number[];
      /** Ends the request in the scheduler. */
      cancel: () => void;
      /** Observes the request for metrics and traces. */
      observer?: RequestObserver | undefined;
    },
  ) {
    const { sampling, promptTokens, constraint, shownTokens = [] } = request;
    const { ignoreEos, stopTokenIds } = sampling;
    // Where a grammar has ended nothing can follow, whoever ignores end tokens.
    const endTokens = ignoreEos && constraint?.grammar === undefined ? [] : options.eosTokenIds;
    this.#stopTokens = new Set([...endTokens, ...ignoreEos ? [] : stopTokenIds]);
    this.#noStopTrim = sampling.noStopTrim;
    this.#wantsLastState = request.hiddenStates === "last";
    this.#wantsLogprobs = sampling.numLogprobs >= 0;
    const shown = options.tokenizer.detokenizer({ ...sampling, shownTokens });
    const whole = options.tokenizer.detokenizer({ skipSpecialTokens: false });
    for (const source of [shown, whole]) source.follow(promptTokens);
    this.#text = new TextStream({ ...sampling, shown, whole, findsStarts: this.#wantsLogprobs });
    this.#rounds = request.reportsRounds ? new RoundTexts(this.#text) : undefined;
    this.#cancel = options.cancel;
    this.#observer = options.observer;
    this.#usage = {
      numPromptTokens: promptTokens.length,
      numCompletionTokens: 0,
      numCachedTokens: 0,
      numPreemptions: 0,
    };
  }

  /** True once nothing more can come. */
  get ended(): boolean {
    return this.#finish !== undefined || this.#error !== undefined;
  }

  /** Takes new tokens; tokens after the one that completed a stop text are dropped. */
  onTokens({ tokens, logprobs, next, promptLogprobs, queueMs, round, hiddenStates }: Tokens): void {
    if (queueMs !== undefined) this.#observer?.admitted(queueMs);
    if (this.ended || this.#stoppedBy !== undefined) return;
    const unseen = this.#unseen;
    const numTaken = this.#orFail(() => this.#takeTokens(tokens)) ?? 0;
    unseen.tokens.push(...tokens.subarray(0, numTaken));
    if (logprobs !== undefined) (unseen.logprobs ??= []).push(...logprobs.slice(0, numTaken));
    if (round !== undefined) this.#rounds?.add(round, numTaken);
    if (next !== undefined) unseen.next = next;
    if (hiddenStates !== undefined) this.#takeStates(hiddenStates.slice(0, Math.max(1, numTaken)));
    if (promptLogprobs !== undefined) unseen.promptLogprobs = promptLogprobs;
    this.#usage = { ...this.#usage, numCompletionTokens: this.#usage.numCompletionTokens + numTaken };
    this.#observer?.generated(numTaken);
    this.#arrival.resolve();
  }

  /** Takes the scheduler's last event. */
  onFinished({ reason, usage, queueMs }: Finished): void {
    if (queueMs !== undefined) this.#observer?.admitted(queueMs);
    this.#usage = { ...usage, numCompletionTokens: this.#usage.numCompletionTokens };
    const message = this.#abortMessage;
    this.finish(reason.type === "abort" && message !== undefined ? { ...reason, message } : reason);
  }

  /** Ends the generation early, in the scheduler too; `message` is then why. */
  abort(message?: string): void {
    this.#abortMessage = message;
    this.#cancel();
  }

  /** Ends the generation; what was withheld becomes text. */
  finish(reason: FinishReason): void {
    if (this.ended) return;
    if (this.#stoppedBy === undefined) this.#orFail(() => this.#flush());
    this.#finish = this.#stoppedBy ?? reason;
    if (this.#error === undefined) this.#observer?.ended({ usage: this.#usage, finish: this.#finish });
    this.#arrival.resolve();
  }

  /** Ends the generation with an error, which `next` throws. */
  fail(error: Error): void {
    if (this.ended) return;
    this.#error = error;
    this.#observer?.ended({ usage: this.#usage, error });
    this.#arrival.resolve();
  }

  /**
   * Waits for updates and takes all of them as one. The update with `finish` is the last.
   *
   * @throws the error given to `fail`
   */
  async next(): Promise<GenerationUpdate> {
    await this.#arrival.promise;
    this.#arrival = Promise.withResolvers();
    if (this.#error !== undefined) throw this.#error;
    const { hiddenStates, ...unseen } = this.#unseen;
    const holdsState = this.#wantsLastState && this.#finish === undefined;
    this.#unseen = { text: "", tokens: [], ...(hiddenStates && holdsState && { hiddenStates }) };
    const rounds = this.#rounds?.take(this.#finish !== undefined) ?? [];
    return {
      ...unseen,
      ...(rounds.length > 0 && { rounds }),
      ...(hiddenStates && !holdsState && { hiddenStates }),
      ...(this.#wantsLogprobs && { textOffsets: this.#text.takeStarts() }),
      ...(this.#finish && { finish: this.#finish }),
      usage: this.#usage,
    };
  }

  /** A token that the tokenizer cannot turn into text ends this request, not the process. */
  #orFail<Result>(action: () => Result): Result | undefined {
    try {
      return action();
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(String(error)));
      this.#cancel();
    }
  }

  /** Appends the tokens' text; returns how many tokens count. */
  #takeTokens(tokens: Int32Array): number {
    let numTaken = 0;
    for (const token of tokens) {
      numTaken++;
      const isTrimmed = this.#stopTokens.has(token) && !this.#noStopTrim;
      const piece = this.#text.push(token, isTrimmed);
      this.#rounds?.push(piece.text, isTrimmed);
      if (this.#take(piece)) {
        this.#cancel();
        break;
      }
      if (isTrimmed) break;
    }
    return numTaken;
  }

  #takeStates(states: readonly Float32Array[]): void {
    if (this.#wantsLastState) this.#unseen.hiddenStates = states.slice(-1);
    else (this.#unseen.hiddenStates ??= []).push(...states);
  }

  #flush(): void {
    const piece = this.#text.flush();
    this.#rounds?.flush(piece.text);
    this.#take(piece);
  }

  /** Appends text; true if a stop text ended it. */
  #take({ text, matched }: { readonly text: string; readonly matched?: string }): boolean {
    this.#unseen.text += text;
    if (matched !== undefined) this.#stoppedBy = { type: "stop", matched };
    return matched !== undefined;
  }
}
