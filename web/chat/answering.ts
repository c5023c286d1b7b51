/**
 * Asks questions and follows their answers, one at a time in each conversation.
 *
 * @module
 */
import { type Answer, isGoing } from "../api/answer.ts";
import { type ChatQuestion, streamChat } from "../api/chat_stream.ts";
import { Observable } from "../ui/observable.ts";
import { type Exchange, messagesOf } from "./conversation.ts";
import type { Conversations } from "./conversations.ts";

/** Time between two stored states of a growing answer, ms. */
const SAVE_MS = 1000;

/** Time to the next try where the server names none, seconds. */
export const RETRY_S = 3;

/** What answers depend on. */
export interface AnsweringOptions {
  readonly conversations: Conversations;
  /** Of the request, save its messages. */
  readonly question: () => Omit<ChatQuestion, "messages"> & { readonly system: string };
  /** Called with each answer's end. */
  readonly ended: (answer: Answer) => void;
}

/** Answers under way, by the ids of their conversations. */
export class Answering {
  readonly #options: AnsweringOptions;
  readonly #aborts = new Map<string, AbortController>();
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  /** Each is that of the last exchange. */
  readonly growing = new Observable<ReadonlyMap<string, Answer>>(new Map());
  /** When a question that was refused for now is asked again, by `performance.now()`. */
  readonly retries = new Observable<ReadonlyMap<string, number>>(new Map());

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  /** Asks a question behind the others; false if one is being answered. */
  ask(id: string, question: string): boolean {
    const conversation = this.#options.conversations.get(id);
    if (conversation === undefined || this.#aborts.has(id)) return false;
    void this.#answer(id, [...conversation.exchanges, { question }]);
    return true;
  }

  /** Asks the question of an exchange again, or another in its place; what came behind it is dropped. */
  askAgain(id: string, index: number, question?: string): void {
    const exchanges = this.#options.conversations.get(id)?.exchanges;
    const asked = question ?? exchanges?.[index]?.question;
    if (exchanges === undefined || asked === undefined) return;
    this.stop(id);
    void this.#answer(id, [...exchanges.slice(0, index), { question: asked }]);
  }

  /** Ends an answer, and does not ask again. */
  stop(id: string): void {
    this.cancelRetry(id);
    this.#aborts.get(id)?.abort();
  }

  /** Ends an answer and forgets it. */
  drop(id: string): void {
    this.stop(id);
    this.#aborts.delete(id);
    this.growing.value = without(this.growing.value, id);
  }

  /** Does not ask again. */
  cancelRetry(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.retries.value = without(this.retries.value, id);
  }

  /** Stores what there is of all answers: the page may be left. */
  saveAll(): void {
    for (const id of this.growing.value.keys()) this.#save(id);
  }

  async #answer(id: string, exchanges: readonly Exchange[]): Promise<void> {
    const { conversations, question, ended } = this.#options;
    const abort = new AbortController(), { system, ...rest } = question();
    this.cancelRetry(id);
    this.#aborts.set(id, abort);
    const isOurs = () => this.#aborts.get(id) === abort;
    conversations.change(id, { exchanges });
    let savedAt = performance.now();
    const answer = await streamChat({ messages: messagesOf(exchanges, system), ...rest }, (answer) => {
      if (!isOurs() || !isGoing(answer)) return;
      this.growing.value = new Map(this.growing.value).set(id, answer);
      if (performance.now() - savedAt < SAVE_MS) return;
      savedAt = performance.now();
      this.#save(id);
    }, abort.signal);
    // Another answer may have taken the place of this one.
    if (!isOurs()) return;
    this.#aborts.delete(id);
    const last = exchanges.length - 1;
    conversations.change(id, { exchanges: [...exchanges.slice(0, last), { ...exchanges[last]!, answer }] });
    this.growing.value = without(this.growing.value, id);
    if (isRetried(answer)) this.#retryLater(id, last, answer.failure?.retryAfterS ?? RETRY_S);
    ended(answer);
  }

  #retryLater(id: string, index: number, seconds: number): void {
    this.retries.value = new Map(this.retries.value).set(id, performance.now() + 1000 * seconds);
    this.#timers.set(id, setTimeout(() => this.askAgain(id, index), 1000 * seconds));
  }

  /** Rounds are stored with the end: they are long. */
  #save(id: string): void {
    const { conversations } = this.#options, conversation = conversations.get(id);
    const answer = this.growing.value.get(id), exchange = conversation?.exchanges.at(-1);
    if (conversation === undefined || answer === undefined || exchange === undefined) return;
    const exchanges = [...conversation.exchanges.slice(0, -1), {
      ...exchange,
      answer: { ...answer, rounds: [] },
    }];
    conversations.save({ ...conversation, exchanges });
  }
}

/** Whether the question is asked again by itself: not where that would cost a text that has begun. */
export function isRetried({ failure, text }: Answer): boolean {
  return failure?.kind === "overloaded" && text === "";
}

function without<T>(map: ReadonlyMap<string, T>, key: string): ReadonlyMap<string, T> {
  if (!map.has(key)) return map;
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}
