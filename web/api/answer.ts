/**
 * An answer of the model as the page follows it, from the request to its end.
 *
 * @module
 */
import type { SpeculationRound } from "../../routes/schema/speculation_round.ts";

export type { SpeculationRound };

/** Why a request failed, for a notice. */
export interface ApiFailure {
  /**
   * `unauthorized`: the API key is missing or wrong. `overloaded`: the queue is full, or the server starts, stops or
   * pauses. `unreachable`: no answer, or the connection ended in the middle. `refused`: a fault of the request.
   * `broken`: a fault of the server, or an answer that is none of its own.
   */
  readonly kind: "unauthorized" | "overloaded" | "unreachable" | "refused" | "broken";
  /** The server's own words where it has any. */
  readonly message: string;
  /** The request field at fault, of `refused`. */
  readonly param?: string;
  /** Seconds after which the server wants to be asked again. */
  readonly retryAfterS?: number;
}

/** An answer, or as much of it as is there. */
export interface Answer {
  readonly text: string;
  /** Rounds whose tokens' texts joined are `text`, or the beginning of it. */
  readonly rounds: readonly SpeculationRound[];
  /** `stopped`: by the user. */
  readonly state: "waiting" | "running" | "ended" | "stopped" | "failed";
  /** Why the model ended; set with `ended`. */
  readonly finishReason?: "stop" | "length";
  /** Set with `failed`. */
  readonly failure?: ApiFailure;
  /** Times by `performance.now()`: request sent, first text, last text so far. */
  readonly sentAt: number;
  readonly firstAt?: number;
  readonly lastAt?: number;
  /** Tokens of the prompt and of the answer, once they are known. */
  readonly numPromptTokens?: number;
  readonly numTokens?: number;
}

/** Whether the model still writes, or is about to. */
export function isGoing(answer: Answer | undefined): boolean {
  return answer?.state === "waiting" || answer?.state === "running";
}

/** Tokens of a second after the first one; undefined while there are too few to say. */
export function tokensPerSecond(answer: Answer): number | undefined {
  const { firstAt, lastAt, rounds } = answer;
  const numTokens = rounds.length === 0
    ? (answer.numTokens ?? 0) - 1
    : numTokensOf(rounds) - rounds[0]!.tokens.length;
  if (firstAt === undefined || lastAt === undefined || lastAt <= firstAt || numTokens < 1) return undefined;
  return 1000 * numTokens / (lastAt - firstAt);
}

/** Tokens of a verification, the one that was not drafted included; undefined before the first decode step. */
export function acceptLengthOf(rounds: readonly SpeculationRound[]): number | undefined {
  // The first round is the prompt's.
  const decoded = rounds.slice(1);
  return decoded.length === 0 ? undefined : numTokensOf(decoded) / decoded.length;
}

/** Tokens of rounds. */
export function numTokensOf(rounds: readonly SpeculationRound[]): number {
  return rounds.reduce((sum, { tokens }) => sum + tokens.length, 0);
}
