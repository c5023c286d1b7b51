/**
 * Serial delivery: one message at a time, in order, the receiver awaited.
 *
 * @module
 */

/**
 * A queue in front of a receiver. It holds messages until {@linkcode Mailbox.open}, then delivers them from
 * microtasks, never while `push` runs. The first throw closes it.
 */
export class Mailbox<Message> {
  readonly #deliver: (message: Message) => void | Promise<void>;
  readonly #onError: (error: unknown) => void;
  readonly #pause: (() => Promise<void> | undefined) | undefined;
  #state: "held" | "open" | "closed" = "held";
  #waiting: Message[] = [];
  #delivery: Promise<void> | undefined;

  /**
   * @param deliver receives one message; the next waits until it is done
   * @param onError called once, with what `deliver` threw
   * @param pause called before each delivery, which waits for what it returns
   */
  constructor(
    deliver: (message: Message) => void | Promise<void>,
    onError: (error: unknown) => void,
    pause?: () => Promise<void> | undefined,
  ) {
    this.#deliver = deliver;
    this.#onError = onError;
    this.#pause = pause;
  }

  /** Appends a message; a closed mailbox drops it. */
  push(message: Message): void {
    if (this.#state === "closed") return;
    this.#waiting.push(message);
    if (this.#state === "open") this.#delivery ??= this.#deliverAll();
  }

  /** Starts delivering what was and will be pushed. */
  open(): void {
    if (this.#state !== "held") return;
    this.#state = "open";
    if (this.#waiting.length > 0) this.#delivery = this.#deliverAll();
  }

  /** Drops what waits. Resolves when the message being received, if any, is done. Not to be awaited by the receiver. */
  async close(): Promise<void> {
    this.#state = "closed";
    this.#waiting = [];
    await this.#delivery;
  }

  async #deliverAll(): Promise<void> {
    await null;
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting;
        this.#waiting = [];
        for (const message of batch) {
          const pause = this.#pause?.();
          if (pause !== undefined) await pause;
          if (this.#state === "closed") return;
          const received = this.#deliver(message);
          if (received !== undefined) await received;
        }
      }
    } catch (error) {
      this.#state = "closed";
      this.#waiting = [];
      this.#onError(error);
    } finally {
      this.#delivery = undefined;
    }
  }
}
