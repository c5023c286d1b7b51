/**
 * Keeps conversations and drafts in the browser, within its room.
 *
 * @module
 */
import type { Answer } from "../api/answer.ts";
import type { TextStorage } from "./browser_storage.ts";
import { type Conversation, latestFirst, parseConversation } from "./conversation.ts";

/** Conversations that are kept. */
export const MAX_CONVERSATIONS = 100;
/** Characters of a stored conversation beyond which its oldest answers lose their rounds. */
const MAX_LENGTH = 1_000_000;

/** Beginning of the keys of conversations. */
export const CONVERSATION_KEY = "aerie.conversation.";
const DRAFT_KEY = "aerie.draft.";

/** Stored conversations and drafts. */
export class ConversationStore {
  readonly #storage: TextStorage;

  constructor(storage: TextStorage) {
    this.#storage = storage;
  }

  /** All conversations, those changed last first. What cannot be read is left out. */
  load(): Conversation[] {
    return latestFirst(this.#storage.keys(CONVERSATION_KEY).flatMap((key) => this.#read(key) ?? []));
  }

  /** A conversation as it is stored. */
  get(id: string): Conversation | undefined {
    return this.#read(CONVERSATION_KEY + id);
  }

  /**
   * Stores a conversation. Where room is missing, others lose their rounds, then go, the oldest first. Returns false if
   * there still is none.
   */
  save(conversation: Conversation): boolean {
    const key = CONVERSATION_KEY + conversation.id, json = toJson(conversation);
    const isNew = this.#storage.get(key) === undefined;
    if (isNew && this.#storage.keys(CONVERSATION_KEY).length >= MAX_CONVERSATIONS) {
      for (const { id } of this.load().slice(MAX_CONVERSATIONS - 1)) this.remove(id);
    }
    if (this.#storage.set(key, json)) return true;
    const others = this.load().filter(({ id }) => id !== conversation.id).reverse();
    for (const other of others) {
      this.#storage.set(CONVERSATION_KEY + other.id, toJson(other, 0));
      if (this.#storage.set(key, json)) return true;
    }
    for (const { id } of others) {
      this.remove(id);
      if (this.#storage.set(key, json)) return true;
    }
    return this.#storage.set(key, toJson(conversation, 0));
  }

  /** Forgets a conversation with its drafts. */
  remove(id: string): void {
    this.#storage.remove(CONVERSATION_KEY + id);
    for (const key of this.#storage.keys(DRAFT_KEY + id)) this.#storage.remove(key);
  }

  /** What was typed and not sent; empty if nothing. `place` is the id of a conversation, or that of a question. */
  draftOf(place: string): string {
    return this.#storage.get(DRAFT_KEY + place) ?? "";
  }

  /** Keeps what is typed. */
  setDraft(place: string, text: string): void {
    if (text === "") this.#storage.remove(DRAFT_KEY + place);
    else this.#storage.set(DRAFT_KEY + place, text);
  }

  #read(key: string): Conversation | undefined {
    const conversation = parseConversation(this.#storage.get(key) ?? "");
    return conversation !== undefined && key === CONVERSATION_KEY + conversation.id
      ? conversation
      : undefined;
  }
}

const lengths = new WeakMap<Answer["rounds"], number>();

/** Characters of rounds as JSON, counted once: an answer that has ended is stored again and again. */
function lengthOf(rounds: Answer["rounds"]): number {
  const known = lengths.get(rounds) ?? JSON.stringify(rounds).length;
  lengths.set(rounds, known);
  return known;
}

/** Rounds are ten times as long as their texts: the oldest go first. */
function toJson(conversation: Conversation, maxLength = MAX_LENGTH): string {
  let room = maxLength;
  const exchanges = conversation.exchanges.toReversed().map((exchange) => {
    if (exchange.answer === undefined || exchange.answer.rounds.length === 0) return exchange;
    room -= lengthOf(exchange.answer.rounds);
    return room < 0 ? { ...exchange, answer: { ...exchange.answer, rounds: [] } } : exchange;
  });
  return JSON.stringify({ ...conversation, exchanges: exchanges.reverse() });
}
