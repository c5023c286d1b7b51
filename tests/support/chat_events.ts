/**
 * Chat answers as events: as the server streams them, and as they are read.
 *
 * @module
 */
import { toErrorReply } from "../../routes/answers/errors.ts";
import { eventStream } from "../../routes/answers/sse.ts";
import type { SpeculationRound } from "../../routes/schema/speculation_round.ts";

/** A chunk of a chat answer. */
export interface ChatChunk {
  readonly choices: readonly {
    readonly delta: { readonly content: string };
    readonly "finish_reason": string | null;
  }[];
}

/** A chunk with one choice. */
export function chunk(content: string, finish: string | null = null): ChatChunk {
  return { choices: [{ delta: { content }, "finish_reason": finish }] };
}

/** The server's own stream of these chunks; a thrown error is its last event. */
export function streamed(chunks: () => AsyncGenerator<unknown>): Promise<Response> {
  const failed = (error: unknown) => [toErrorReply(error).body];
  return eventStream(chunks(), { abort: new AbortController(), pingMs: 1000, failed });
}

/** Text and rounds of the first choice of all chunks of a stream. */
export function readAnswer(events: string): { readonly text: string; readonly rounds: SpeculationRound[] } {
  const choices = [...events.matchAll(/^data: (\{.*\})$/gm)]
    .flatMap(([, json]) => JSON.parse(json!).choices[0] ?? []);
  return {
    text: choices.map(({ delta }) => delta.content ?? "").join(""),
    rounds: choices.flatMap(({ speculation }) => speculation ?? []),
  };
}
