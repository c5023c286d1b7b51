/**
 * Streams an answer from `/v1/chat/completions`.
 *
 * @module
 */
import type { Answer } from "./answer.ts";

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

/**
 * Asks for an answer and follows it: calls `onChange` with each state of it and resolves with the last one. Failures
 * are states, too: nothing is thrown.
 */
export async function streamChat(
  { messages, fields, apiKey }: ChatQuestion,
  onChange: (answer: Answer) => void,
  signal: AbortSignal,
): Promise<Answer> {
  let answer: Answer = { text: "", rounds: [], state: "waiting", sentAt: performance.now() };
  const change = (next: Partial<Answer>) => onChange(answer = { ...answer, ...next });
  const response = await fetch("v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(apiKey && { Authorization: `Bearer ${apiKey}` }) },
    body: JSON.stringify({ messages, stream: true, ...fields }),
    signal,
  });
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = lines.pop()!;
    for (const line of lines.filter((line) => line.startsWith("data: {"))) {
      const [choice] = JSON.parse(line.slice(6)).choices, now = performance.now();
      if (choice === undefined) continue;
      change({
        text: answer.text + (choice.delta.content ?? ""),
        rounds: [...answer.rounds, ...choice.speculation ?? []],
        state: "running",
        firstAt: answer.firstAt ?? now,
        lastAt: now,
        ...(choice.finish_reason && { state: "ended", finishReason: choice.finish_reason }),
      });
    }
  }
  return answer;
}
