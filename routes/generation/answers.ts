/**
 * From the outputs of a conversation's copies to answers, whole or part by part: what every chat-like API writes in its
 * own words.
 *
 * @module
 */
import { AbortedError } from "../../runtime/contracts/errors.ts";
import type { FinishReason } from "../../runtime/contracts/outputs.ts";
import { joinParts } from "../../runtime/output/parts.ts";
import type { Answer, AnswerPart, AnswerReader } from "./conversation.ts";
import { type Indexed, Output } from "./run.ts";

/** Where readers come from. */
interface Readers {
  reader(): AnswerReader;
}

/** What a copy's answer got since its last chunk. */
export interface AnswerChunk {
  readonly index: number;
  /** It is the copy's first chunk; it may come before any part. */
  readonly isFirst: boolean;
  readonly parts: readonly AnswerPart[];
  /** What the parts were read from. Its usage and `finish` are those of the answer so far. */
  readonly output: Output;
  /** Whether the answer so far calls tools. */
  readonly hasCalls: boolean;
  /** Tokens of the answer's reasoning so far. */
  readonly numReasoningTokens: number;
}

/** Why an answer ended: one that calls tools and was not cut off waits for their results. */
export type AnswerEnd = "stop" | "length" | "tool_calls";

/**
 * Why an answer ended.
 *
 * @throws {AbortedError} if it was aborted
 */
export function endOf(finish: FinishReason, hasCalls: boolean): AnswerEnd {
  if (finish.type === "abort") throw new AbortedError(finish.message);
  return finish.type === "stop" && hasCalls ? "tool_calls" : finish.type;
}

/** A copy's whole answer. */
export function readAnswer(readers: Readers, output: Output): Answer {
  const reader = readers.reader();
  const parts = [...reader.push(output), ...reader.flush()];
  return { ...joinParts(parts), finish: output.finish, numReasoningTokens: reader.numReasoningTokens };
}

/** The answers of all copies, chunk by chunk. Output of which no part is certain yet waits for the next chunk. */
export async function* readAnswers(
  readers: Readers,
  chunks: AsyncIterable<Indexed<Output>>,
): AsyncGenerator<AnswerChunk> {
  const copies = new Map<number, Copy>();
  for await (const { index, value } of chunks) {
    const known = copies.get(index), copy = known ?? new Copy(readers.reader());
    copies.set(index, copy);
    const read = copy.read(value);
    if (read !== undefined || known === undefined) {
      yield { index, isFirst: known === undefined, ...(read ?? copy.nothing(value)) };
    }
  }
}

type Read = Omit<AnswerChunk, "index" | "isFirst">;

/** One copy's answer as it comes. */
class Copy {
  readonly #reader: AnswerReader;
  #waiting = new Output();
  #hasCalls = false;

  constructor(reader: AnswerReader) {
    this.#reader = reader;
  }

  /** What became certain with `output`; undefined if nothing did. */
  read(output: Output): Read | undefined {
    this.#waiting.add(output);
    const parts = this.#reader.push(output);
    if (output.finish !== undefined) parts.push(...this.#reader.flush());
    this.#hasCalls ||= parts.some(({ type }) => type === "call");
    if (parts.length === 0 && output.finish === undefined) return undefined;
    const waited = this.#waiting;
    this.#waiting = new Output();
    return this.#chunk(parts, waited);
  }

  /** A chunk that says only that the copy has begun. */
  nothing({ usage }: Output): Read {
    return this.#chunk([], Object.assign(new Output(), { usage }));
  }

  #chunk(parts: readonly AnswerPart[], output: Output): Read {
    return { parts, output, hasCalls: this.#hasCalls, numReasoningTokens: this.#reader.numReasoningTokens };
  }
}
