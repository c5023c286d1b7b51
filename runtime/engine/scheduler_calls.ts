/**
 * Calls of the scheduler: commands that it answers, each with one message.
 *
 * @module
 */
import type { EngineMessage, SchedulerMessage } from "../messages/actors.ts";

/** The type of the answer to each command. Answers of one type come in the order of their commands. */
const ANSWERS = {
  flush: "flushed",
  inspect: "inspected",
  pause: "paused",
  resume: "resumed",
  configure: "configured",
  startProfile: "profileStarted",
} as const;

type CommandType = keyof typeof ANSWERS;
type AnswerType = typeof ANSWERS[CommandType];

/** A command that is answered. */
export type Call = Extract<SchedulerMessage, { readonly type: CommandType }>;
/** A message that answers a call. */
export type Answer = Extract<EngineMessage, { readonly type: AnswerType }>;
/** The answer to calls of one type. */
export type AnswerTo<Type extends CommandType> = Extract<Answer, { readonly type: typeof ANSWERS[Type] }>;

/** Calls that wait for their answers. */
export class SchedulerCalls {
  readonly #send: (command: Call) => void;
  readonly #waiting = new Map<AnswerType, PromiseWithResolvers<Answer>[]>();

  /** `send` takes a command to the scheduler; it throws while there is none. */
  constructor(send: (command: Call) => void) {
    this.#send = send;
  }

  /** Sends a command; resolves with its answer. */
  async call<Type extends CommandType>(command: Call & { readonly type: Type }): Promise<AnswerTo<Type>> {
    const type = ANSWERS[command.type], waiting = this.#waiting.get(type) ?? [];
    const answer = Promise.withResolvers<Answer>();
    this.#send(command);
    this.#waiting.set(type, waiting);
    waiting.push(answer);
    return await answer.promise as AnswerTo<Type>;
  }

  /** Takes an answer to the oldest call of its kind. */
  onAnswer(answer: Answer): void {
    this.#waiting.get(answer.type)?.shift()?.resolve(answer);
  }

  /** Fails all calls that wait: the scheduler is gone. */
  fail(error: Error): void {
    for (const waiting of this.#waiting.values()) {
      for (const { reject } of waiting.splice(0)) reject(error);
    }
  }
}
