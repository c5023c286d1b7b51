/**
 * The state of the page and what can be done in it.
 *
 * @module
 */
import type { Answer } from "../api/answer.ts";
import { Observable } from "../ui/observable.ts";
import { Answering, isRetried, RETRY_S } from "./answering.ts";
import type { TextStorage } from "./browser_storage.ts";
import { Connection } from "./connection.ts";
import { titleOf } from "./conversation.ts";
import { Conversations } from "./conversations.ts";
import { fieldOf } from "./setting_fields.ts";
import { fieldsOf, Settings } from "./settings.ts";

/** Characters of an answer that are read out at its end. */
const MAX_SPOKEN = 600;

/** Something that happened. */
export interface Notice {
  readonly text: string;
  /** Takes it back, where that can be done. */
  readonly undo?: () => void;
}

/** What a screen reader says; a new object says the same again. */
export interface Announcement {
  readonly text: string;
  readonly isUrgent: boolean;
}

/** The state of the page. */
export class Playground {
  readonly conversations: Conversations;
  readonly settings: Settings;
  readonly answering: Answering;
  readonly connection: Connection;
  readonly notice = new Observable<Notice | undefined>(undefined);
  readonly announcement = new Observable<Announcement>({ text: "", isUrgent: false });
  /** A field of the settings that should get the focus: a name in the API, or `key`. */
  readonly wantedField = new Observable<string | undefined>(undefined);

  constructor(storage: TextStorage, session: TextStorage) {
    this.conversations = new Conversations(storage, session);
    this.settings = new Settings(storage, session);
    this.connection = new Connection(
      () => this.settings.apiKey.value,
      () => {
        this.notice.value ??= { text: "The server is back." };
        this.announce("The server is back");
      },
    );
    this.answering = new Answering({
      conversations: this.conversations,
      question: () => ({
        fields: fieldsOf(this.settings.values.value),
        system: this.settings.values.value.system,
        apiKey: this.settings.apiKey.value,
      }),
      ended: (answer) => this.#ended(answer),
    });
  }

  /** Has a screen reader say something, at once if it is urgent. */
  announce(text: string, isUrgent = false): void {
    this.announcement.value = { text, isUrgent };
  }

  /** Asks a question in the conversation that is shown; false if it cannot be asked now. */
  send(question: string): boolean {
    const { current } = this.conversations;
    if (question.trim() === "") return false;
    if (!this.answering.ask(current.id, question)) {
      this.announce("An answer is being written: stop it first");
      return false;
    }
    this.notice.value = undefined;
    return true;
  }

  /** Asks a question again, or another in its place. What it replaces can be brought back. */
  askAgain(id: string, index: number, question?: string): void {
    const exchanges = this.conversations.get(id)?.exchanges;
    if (exchanges === undefined) return;
    this.answering.askAgain(id, index, question);
    const hadText = exchanges.slice(index).some(({ answer }) => answer !== undefined && answer.text !== "");
    this.notice.value = !hadText ? undefined : {
      text: question === undefined
        ? "The answer is written anew."
        : "The conversation goes on from your edit.",
      undo: () => {
        this.answering.drop(id);
        this.conversations.change(id, { exchanges });
        this.conversations.select(id);
      },
    };
  }

  /** Shows a conversation in which nothing was said. */
  begin(): void {
    this.notice.value = undefined;
    this.conversations.begin();
  }

  /** Removes a conversation, which can be brought back. */
  remove(id: string): void {
    const conversation = this.conversations.get(id);
    if (conversation === undefined) return;
    this.answering.drop(id);
    const restore = this.conversations.remove(id);
    this.notice.value = { text: `Deleted “${titleOf(conversation)}”.`, undo: restore };
    this.announce(`Deleted ${titleOf(conversation)}`);
  }

  /** Takes back what was done last. */
  takeBack(): void {
    this.notice.value?.undo?.();
    this.notice.value = undefined;
    this.announce("Undone");
  }

  /** Moves the focus to a field of the settings. */
  showField(name: string): void {
    this.wantedField.value = undefined;
    this.wantedField.value = name;
  }

  #ended(answer: Answer): void {
    const { text, state, failure, finishReason } = answer;
    if (failure === undefined) {
      // It answered, whatever was thought of it.
      if (this.connection.state.value.status !== "ready") void this.connection.ask();
      const spoken = text.length > MAX_SPOKEN ? `${text.slice(0, MAX_SPOKEN)}…` : text;
      const end = state === "stopped" ? "Stopped. " : finishReason === "length" ? "Cut at its length. " : "";
      return this.announce(`${end}Answer: ${spoken}`);
    }
    const { kind, message, param, retryAfterS } = failure;
    if (kind === "unreachable") {
      // That it is back is not true any more.
      if (this.notice.value?.undo === undefined) this.notice.value = undefined;
      this.connection.lost();
    }
    if (kind === "unauthorized") {
      this.connection.locked();
      this.showField("key");
    }
    if (param !== undefined && this.settings.refuse(param, message)) this.showField(fieldOf(param)!.name);
    const again = isRetried(answer) ? ` It is asked again in ${retryAfterS ?? RETRY_S} seconds.` : "";
    this.announce(`${message}.${again}`, true);
  }
}
