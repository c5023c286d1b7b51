/**
 * Runs a race: the same request with speculation and without.
 *
 * @module
 */
import type { Answer, ApiFailure } from "../api/answer.ts";
import { type ChatQuestion, streamChat } from "../api/chat_stream.ts";

/** A run of a race. */
export type Side = "speculative" | "plain";

/** Both runs, as they are shown. */
export const SIDES: readonly Side[] = ["speculative", "plain"];

/** Which run starts first, or that both start at once. */
export type Start = Side | "at once";

/** What is asked for. Of `fields`, those that say whether to speculate and what to report are the race's own. */
export interface RaceQuestion extends ChatQuestion {
  readonly start: Start;
}

/** A race, or as much of it as has been run. */
export interface Race {
  /** `reading`: the prompt is read, before the clocks start. */
  readonly phase: "ready" | "reading" | "running" | "over";
  /** Answers of the runs that have started. */
  readonly answers: Readonly<Partial<Record<Side, Answer>>>;
  /** Why the prompt could not be read; no run has started then. */
  readonly failure?: ApiFailure;
}

/** The race that is yet to be run. */
export const READY: Race = { phase: "ready", answers: {} };

/**
 * Runs a race and calls `onChange` with each state of it. First a request for one token reads the prompt, so that both
 * runs find it in the prefix cache and the first one does not read it for the second. A run that fails does not keep
 * the other one from running; an abort does.
 */
export async function runRace(
  { messages, fields, apiKey, start }: RaceQuestion,
  onChange: (race: Race) => void,
  signal: AbortSignal,
): Promise<void> {
  let race = READY;
  const change = (next: Partial<Race>) => onChange(race = { ...race, ...next });
  const ask = (own: ChatQuestion["fields"], onAnswer: (answer: Answer) => void) =>
    streamChat({ messages, fields: { ...fields, ...own }, apiKey }, onAnswer, signal);
  const run = async (side: Side) => {
    const follow = (answer: Answer) => change({ answers: { ...race.answers, [side]: answer } });
    follow({ text: "", rounds: [], state: "waiting", sentAt: performance.now() });
    follow(await ask({ speculative: side === "speculative", ...REPORTED }, follow));
  };

  change({ phase: "reading" });
  const read = await ask({ speculative: true, ...ONE_TOKEN }, () => {});
  if (read.failure !== undefined) return change({ phase: "over", failure: read.failure });
  if (signal.aborted) return change({ phase: "over" });
  change({ phase: "running" });
  if (start === "at once") await Promise.all(SIDES.map(run));
  else {
    await run(start);
    if (!signal.aborted) await run(start === "plain" ? "speculative" : "plain");
  }
  change({ phase: "over" });
}

const REPORTED = { "stream_options": { include_speculation: true } };
const ONE_TOKEN = { "max_completion_tokens": 1 };
