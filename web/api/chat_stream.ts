/**
 * Streams an answer from `/v1/chat/completions`.
 *
 * @module
 */
import type { Answer, ApiFailure, SpeculationRound } from "./answer.ts";
import { authorizationOf, failureOfKey } from "./api_key.ts";
import { eventData } from "./event_stream.ts";
import { failureOf, failureOfBody, failureOfType, unreachable } from "./failure.ts";
import { PerFrame } from "./per_frame.ts";
import { isRound } from "./rounds.ts";

/** A message of a conversation. */
export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** What is asked for; `fields` go into the body as they are. */
export interface ChatQuestion {
  readonly messages: readonly Message[];
  /** Sampling fields of the API, e.g. `temperature`, `seed`, `max_completion_tokens`, `speculative`. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly apiKey: string;
}

/** What the page asks for besides the text. */
const STREAM_OPTIONS = {
  "include_usage": true,
  "continuous_usage_stats": true,
  "include_speculation": true,
};

/** Fields of a chunk that the page reads. */
interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null };
    readonly "finish_reason"?: "stop" | "length" | null;
    readonly speculation?: readonly SpeculationRound[];
  }[];
  readonly usage?: { readonly "prompt_tokens": number; readonly "completion_tokens": number } | null;
  readonly error?: unknown;
}

/**
 * Asks for an answer and follows it: calls `onChange` with its states, at most once a frame, and resolves with the last
 * one. Failures are states, too, and keep the text there is: nothing is thrown.
 */
export async function streamChat(
  question: ChatQuestion,
  onChange: (answer: Answer) => void,
  signal: AbortSignal,
): Promise<Answer> {
  const growing = new GrowingAnswer();
  const frames = new PerFrame(() => {
    growing.settle();
    onChange(growing.answer);
  });
  frames.now();
  const begun = await begin(question, signal);
  if (begun instanceof ReadableStream) await growing.follow(begun, () => frames.soon());
  else growing.fail(begun);
  if (signal.aborted && !growing.isComplete) growing.stop();
  frames.now();
  return growing.answer;
}

/** The bytes of the answer, or why there are none. */
async function begin(
  { messages, fields, apiKey }: ChatQuestion,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array> | ApiFailure> {
  const unusable = failureOfKey(apiKey);
  if (unusable !== undefined) return unusable;
  try {
    const response = await fetch("v1/chat/completions", {
      method: "POST",
      headers: { "Content-Type": "application/json", ...authorizationOf(apiKey) },
      body: JSON.stringify({ messages, stream: true, stream_options: STREAM_OPTIONS, ...fields }),
      signal,
    });
    if (!response.ok) return await failureOf(response);
    const failure = failureOfType(response);
    if (failure !== undefined) await response.body?.cancel();
    return failure ?? response.body ?? unreachable("The connection ended before the answer");
  } catch {
    return unreachable("The server does not answer");
  }
}

/** An answer while its chunks arrive. */
class GrowingAnswer {
  #known: Answer = { text: "", rounds: [], state: "waiting", sentAt: performance.now() };
  readonly #rounds: SpeculationRound[] = [];

  /** The state; its rounds are those that were here when it was settled last. */
  get answer(): Answer {
    return this.#known;
  }

  /** Gives the state all rounds that are here, in a list that does not change any more. */
  settle(): void {
    if (this.#rounds.length > this.#known.rounds.length) this.#change({ rounds: [...this.#rounds] });
  }

  /** Whether the model has ended. */
  get isComplete(): boolean {
    return this.#known.state === "ended";
  }

  /** Takes in a stream up to its end; calls `changed` for each chunk. */
  async follow(body: ReadableStream<Uint8Array>, changed: () => void): Promise<void> {
    try {
      for await (const data of eventData(body)) {
        if (data === "[DONE]") break;
        this.#take(parseChunk(data));
        if (this.#known.state === "failed") return;
        changed();
      }
    } catch (error) {
      if (error instanceof SyntaxError) {
        return this.fail({ kind: "broken", message: "Cannot read what the server sent" });
      }
      // Else the connection: what is missing then is seen below.
    }
    if (this.#known.finishReason !== undefined) this.#change({ state: "ended" });
    else this.fail(unreachable("The connection ended in the middle of the answer"));
  }

  /** Ends it as failed. */
  fail(failure: ApiFailure): void {
    this.#change({ state: "failed", failure });
  }

  /** Ends it as stopped by the user, whatever the connection said of it. */
  stop(): void {
    const { failure: _failure, ...kept } = this.#known;
    this.#known = { ...kept, state: "stopped" };
  }

  #take(chunk: Chunk): void {
    if (chunk.error !== undefined) return this.fail(failureOfBody(chunk));
    const { choices: [choice] = [], usage } = chunk;
    if (usage) this.#change({ numPromptTokens: usage.prompt_tokens, numTokens: usage.completion_tokens });
    if (choice === undefined) return;
    const text = choice.delta?.content ?? "", rounds = choice.speculation ?? [];
    if (typeof text !== "string" || !Array.isArray(rounds) || !rounds.every(isRound)) {
      throw new SyntaxError("Cannot read chunk: its text or its rounds are none");
    }
    for (const round of rounds) this.#rounds.push(round);
    if (choice.finish_reason) this.#change({ finishReason: choice.finish_reason });
    if (text === "" && rounds.length === 0) return;
    const now = performance.now(), { firstAt = now } = this.#known;
    this.#change({ text: this.#known.text + text, state: "running", firstAt, lastAt: now });
  }

  #change(next: Partial<Answer>): void {
    this.#known = { ...this.#known, ...next };
  }
}

/** An event's data as a chunk, of which nothing but its outline is certain. */
function parseChunk(data: string): Chunk {
  const chunk: unknown = JSON.parse(data);
  if (typeof chunk !== "object" || chunk === null) {
    throw new SyntaxError("Cannot read chunk: it is no object");
  }
  const { choices = [] } = chunk as { readonly choices?: unknown };
  if (!Array.isArray(choices) || choices.some((choice) => typeof choice !== "object" || choice === null)) {
    throw new SyntaxError("Cannot read chunk: its choices are none");
  }
  return chunk;
}
