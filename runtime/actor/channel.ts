/**
 * Channels: how messages get from one actor to another.
 *
 * @module
 */
import { type MessagePort as NodeMessagePort, receiveMessageOnPort } from "node:worker_threads";

/** One end of a channel. Messages arrive in the order in which they were sent. */
export interface Channel<Heard = unknown> {
  /** Posts a message; goes nowhere if the other end is closed. */
  send(message: unknown): void;
  /** Says who receives; called once. */
  listen(hear: (message: Heard) => void): void;
  /** Receives at once what has come, without a turn of the event loop. */
  poll(): void;
  /** Receives nothing more. */
  close(): void;
}

/** A channel between threads, or in a test within one: messages are copied. The other end is one too. */
export class PortChannel<Heard = unknown> implements Channel<Heard> {
  readonly #port: MessagePort;
  // A message can be on its way through the event loop while a poll takes the one behind it.
  readonly #early = new Map<number, Heard>();
  #hear: ((message: Heard) => void) | undefined;
  #numSent = 0;
  #numHeard = 0;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  send(message: unknown): void {
    this.#port.postMessage([this.#numSent, message]);
    this.#numSent++; // not if the message cannot be cloned
  }

  listen(hear: (message: Heard) => void): void {
    this.#hear = hear;
    this.#port.onmessage = ({ data }) => this.#take(data);
  }

  poll(): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#port as unknown as NodeMessagePort);
      if (received === undefined) return;
      this.#take(received.message);
    }
  }

  close(): void {
    this.#port.close();
  }

  #take([index, message]: readonly [number, Heard]): void {
    this.#early.set(index, message);
    while (this.#early.has(this.#numHeard)) {
      const next = this.#early.get(this.#numHeard)!;
      this.#early.delete(this.#numHeard++);
      this.#hear?.(next);
    }
  }
}

/** The ends of a channel within a thread: messages are handed over as they are, so nobody may change them. */
export function localChannels(): [Channel, Channel] {
  const hears: (((message: unknown) => void) | undefined)[] = [];
  const end = (own: 0 | 1): Channel => ({
    send: (message) => hears[1 - own]?.(message),
    listen: (hear) => void (hears[own] = hear),
    poll: () => {},
    close: () => void (hears[own] = undefined),
  });
  return [end(0), end(1)];
}
