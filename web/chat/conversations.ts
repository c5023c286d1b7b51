/**
 * The conversations of the page: which there are, which is shown.
 *
 * @module
 */
import { isGoing } from "../api/answer.ts";
import { Observable } from "../ui/observable.ts";
import type { TextStorage } from "./browser_storage.ts";
import { type Conversation, emptyConversation, latestFirst } from "./conversation.ts";
import { CONVERSATION_KEY, ConversationStore } from "./conversation_store.ts";

const CURRENT_KEY = "aerie.current";

/** What is shown and listed. */
export interface ConversationsState {
  /** Those changed last first. */
  readonly list: readonly Conversation[];
  readonly currentId: string;
}

/** The conversations of the page, kept in the browser. */
export class Conversations {
  readonly #store: ConversationStore;
  readonly #session: TextStorage;
  readonly state: Observable<ConversationsState>;
  /** Whether the browser has no room for what is said. */
  readonly isFull = new Observable(false);

  /** `session` is the storage of this tab, which knows what it shows. */
  constructor(storage: TextStorage, session: TextStorage) {
    this.#store = new ConversationStore(storage);
    this.#session = session;
    const stored = this.#store.load(), shown = session.get(CURRENT_KEY);
    const list = stored.length > 0 ? stored : [emptyConversation()];
    this.state = new Observable({ list, currentId: (list.find(({ id }) => id === shown) ?? list[0]!).id });
    this.#session.set(CURRENT_KEY, this.state.value.currentId);
  }

  /** The conversation that is shown. */
  get current(): Conversation {
    const { list, currentId } = this.state.value;
    return list.find(({ id }) => id === currentId)!;
  }

  /** A conversation of the list. */
  get(id: string): Conversation | undefined {
    return this.state.value.list.find((conversation) => conversation.id === id);
  }

  /** Shows a conversation. */
  select(id: string): void {
    if (this.get(id) === undefined) return;
    this.#session.set(CURRENT_KEY, id);
    this.state.value = { ...this.state.value, currentId: id };
  }

  /** Shows a conversation in which nothing was said, one that there is or a new one. */
  begin(): void {
    const { list } = this.state.value;
    const empty = list.find(({ id, exchanges }) => exchanges.length === 0 && this.draftOf(id) === "") ??
      emptyConversation();
    this.state.value = { list: [empty, ...list.filter(({ id }) => id !== empty.id)], currentId: empty.id };
    this.#session.set(CURRENT_KEY, empty.id);
  }

  /** Changes a conversation, stores it and moves it to the top unless `stays`. */
  change(id: string, next: Partial<Conversation>, { stays = false } = {}): void {
    const before = this.get(id);
    if (before === undefined) return;
    const after = { ...before, ...next, changedAt: stays ? before.changedAt : Date.now() };
    const { list } = this.state.value, others = list.filter((other) => other.id !== id);
    this.state.value = {
      ...this.state.value,
      list: stays ? list.map((other) => other.id === id ? after : other) : [after, ...others],
    };
    this.save(after);
  }

  /** Stores a conversation as it is, without telling anybody. */
  save(conversation: Conversation): void {
    this.isFull.value = !this.#store.save(conversation);
  }

  /** Removes a conversation; the function that is returned brings it back. */
  remove(id: string): () => void {
    const { list, currentId } = this.state.value, removed = this.get(id), draft = this.draftOf(id);
    if (removed === undefined) return () => {};
    this.#store.remove(id);
    const others = list.filter((other) => other.id !== id),
      left = others.length > 0 ? others : [emptyConversation()];
    const at = Math.min(list.indexOf(removed), left.length - 1);
    this.state.value = { list: left, currentId: currentId === id ? left[at]!.id : currentId };
    this.#session.set(CURRENT_KEY, this.state.value.currentId);
    return () => {
      if (this.get(id) !== undefined) return;
      this.state.value = { list: latestFirst([...this.state.value.list, removed]), currentId: id };
      this.#session.set(CURRENT_KEY, id);
      this.save(removed);
      this.setDraft(id, draft);
    };
  }

  /** What was typed and not sent in a conversation, or at the question of an exchange. */
  draftOf(id: string, exchange?: number): string {
    return this.#store.draftOf(exchange === undefined ? id : `${id}.${exchange}`);
  }

  /** Keeps what is typed. */
  setDraft(id: string, text: string, exchange?: number): void {
    this.#store.setDraft(exchange === undefined ? id : `${id}.${exchange}`, text);
    const conversation = this.get(id);
    // A reload must find where the draft belongs.
    if (conversation?.exchanges.length === 0 && text !== "") this.save(conversation);
  }

  /** Takes over what another tab stored; not where this tab has an answer under way. */
  takeOver(key: string | null): void {
    if (key === null || !key.startsWith(CONVERSATION_KEY)) return;
    const id = key.slice(CONVERSATION_KEY.length), known = this.get(id), stored = this.#store.get(id);
    // What another tab deletes stays here, where it may be in use.
    if (stored === undefined || isGoing(known?.exchanges.at(-1)?.answer)) return;
    if (known !== undefined && known.changedAt >= stored.changedAt) return;
    const others = this.state.value.list.filter((other) => other.id !== id);
    this.state.value = { ...this.state.value, list: latestFirst([...others, stored]) };
  }
}
