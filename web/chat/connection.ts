/**
 * Whether the server is there, and what it says of itself.
 *
 * @module
 */
import { fetchFacts, isHealthy, type ServerFacts } from "../api/server_facts.ts";
import { Observable } from "../ui/observable.ts";

/** Time between two questions whether the server is back, ms. */
const POLL_MS = 1500;

/** What is known of the server. */
export interface ConnectionState {
  /** `locked`: it wants another API key. `starting`: it is there and takes no requests. `lost`: it does not answer. */
  readonly status: "asking" | "ready" | "locked" | "starting" | "lost";
  /** As it told them last. */
  readonly facts?: ServerFacts;
}

/** The connection to the server: it is looked at when something fails, until the server is back. */
export class Connection {
  readonly state = new Observable<ConnectionState>({ status: "asking" });
  readonly #apiKey: () => string;
  readonly #returned: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  /** `returned` is called when a server that was gone is back. */
  constructor(apiKey: () => string, returned: () => void) {
    this.#apiKey = apiKey;
    this.#returned = returned;
  }

  /** Asks for the facts. */
  async ask(): Promise<void> {
    clearTimeout(this.#timer);
    const before = this.state.value.status, question = ++this.#asked;
    const answer = await fetchFacts(this.#apiKey());
    // A later question, e.g. with another key, knows better.
    if (question !== this.#asked) return;
    if ("modelName" in answer) {
      this.state.value = { status: "ready", facts: answer };
      if (before === "lost" || before === "starting") this.#returned();
    } else if (answer.kind === "unauthorized") {
      this.#become("locked");
    } else {
      this.#become(answer.kind === "overloaded" ? "starting" : "lost");
      this.#poll();
    }
  }

  /** Notes that the server did not answer, and waits for it. */
  lost(): void {
    if (this.state.value.status === "lost") return;
    this.#become("lost");
    this.#poll();
  }

  /** Notes that the server refused the key. */
  locked(): void {
    this.#become("locked");
  }

  /** Asks no more. */
  close(): void {
    this.#asked++;
    clearTimeout(this.#timer);
  }

  #become(status: ConnectionState["status"]): void {
    this.state.value = { ...this.state.value, status };
  }

  #poll(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      const question = this.#asked, isBack = await isHealthy();
      if (question !== this.#asked) return;
      if (isBack) await this.ask();
      else this.#poll();
    }, POLL_MS);
  }
}
