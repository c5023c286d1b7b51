/**
 * A conversation: questions with their answers.
 *
 * @module
 */
import type { Answer } from "../api/answer.ts";
import type { Message } from "../api/chat_stream.ts";
import { isRound } from "../api/rounds.ts";

/** A question and its answer. */
export interface Exchange {
  readonly question: string;
  /** Absent until it was asked for. */
  readonly answer?: Answer;
}

/** A conversation. */
export interface Conversation {
  readonly id: string;
  /** As the user named it; empty while its first question is its name. */
  readonly title: string;
  readonly exchanges: readonly Exchange[];
  /** When it was changed last, by the clock of the day, ms. */
  readonly changedAt: number;
}

/** A conversation that has nothing in it. */
export function emptyConversation(): Conversation {
  return { id: crypto.randomUUID?.() ?? randomId(), title: "", exchanges: [], changedAt: Date.now() };
}

/** The name under which it is listed. */
export function titleOf({ title, exchanges }: Conversation): string {
  const first = exchanges[0]?.question.trim().split("\n")[0] ?? "";
  return title || (first.length > 60 ? `${first.slice(0, 60)}…` : first) || "New chat";
}

/** The messages by which the question of an exchange is asked, those before it included. */
export function messagesOf(
  exchanges: readonly Exchange[],
  system: string,
): readonly Message[] {
  const messages: Message[] = system.trim() === "" ? [] : [{ role: "system", content: system }];
  for (const [index, { question, answer }] of exchanges.entries()) {
    messages.push({ role: "user", content: question });
    if (index < exchanges.length - 1 && answer !== undefined && answer.text !== "") {
      messages.push({ role: "assistant", content: answer.text });
    }
  }
  return messages;
}

/** Conversations, those changed last first. */
export function latestFirst(conversations: readonly Conversation[]): Conversation[] {
  return conversations.toSorted((a, b) => b.changedAt - a.changedAt);
}

/** A conversation out of what was stored; undefined if that is none. */
export function parseConversation(json: string): Conversation | undefined {
  try {
    const { id, title, exchanges, changedAt } = JSON.parse(json) as Record<string, unknown>;
    if (typeof id !== "string" || id === "" || typeof title !== "string") return undefined;
    if (typeof changedAt !== "number" || !Array.isArray(exchanges)) return undefined;
    return { id, title, changedAt, exchanges: exchanges.map(parseExchange) };
  } catch {
    return undefined;
  }
}

function parseExchange({ question, answer }: { question: unknown; answer?: unknown }): Exchange {
  if (typeof question !== "string") throw new TypeError("Cannot read exchange: it has no question");
  return answer === undefined ? { question } : { question, answer: parseAnswer(answer as Answer) };
}

function parseAnswer(answer: Answer): Answer {
  const { text, state, sentAt, finishReason, failure } = answer;
  if (typeof text !== "string" || typeof sentAt !== "number") throw new TypeError("Cannot read answer");
  const { firstAt, lastAt, numPromptTokens, numTokens } = answer;
  const numbers = Object.entries({ firstAt, lastAt, numPromptTokens, numTokens })
    .filter(([, value]) => typeof value === "number");
  const rounds = Array.isArray(answer.rounds) && answer.rounds.every(isRound) ? answer.rounds : [];
  const kept = { text, rounds, sentAt, ...Object.fromEntries(numbers) };
  if (state === "ended") {
    return {
      ...kept,
      state,
      ...(finishReason === "length" || finishReason === "stop" ? { finishReason } : {}),
    };
  }
  if (state === "failed" && typeof failure?.message === "string" && typeof failure.kind === "string") {
    return { ...kept, state, failure };
  }
  // The page was left in the middle of it.
  return { ...kept, state: "stopped" };
}

/** Without `crypto.randomUUID`, which browsers have on secure pages only. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
