/**
 * Channels: how messages get from one actor to another.
 *
 * @module
 */
import { type MessagePort as NodeMessagePort, receiveMessageOnPort } from "node:worker_threads";

/** One end of a channel. Messages arrive in the order in which they were sent. */
export interface Channel<Message = unknown> {
  /** Posts a message; goes nowhere if the other end is closed. */
  send(message: unknown): void;
  /** Sets the receiver; called once. */
  listen(onMessage: (message: Message) => void): void;
  /** Receives what has arrived at once, without a turn of the event loop. */
  poll(): void;
  /** Receives nothing more. */
  close(): void;
}

/** A channel between threads, or between the engine and actors of its own thread: messages are copied. */
export class PortChannel<Message = unknown> implements Channel<Message> {
  readonly #port: MessagePort;
  // Messages that a poll received before an earlier one, which is still in the event loop; by their numbers.
  readonly #early = new Map<number, Message>();
  #onMessage: ((message: Message) => void) | undefined;
  #numSent = 0;
  #numReceived = 0;

  constructor(port: MessagePort) {
    this.#port = port;
  }

  send(message: unknown): void {
    this.#port.postMessage([this.#numSent, message]);
    this.#numSent++; // not if the message cannot be cloned
  }

  listen(onMessage: (message: Message) => void): void {
    this.#onMessage = onMessage;
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

  #take([index, message]: readonly [number, Message]): void {
    this.#early.set(index, message);
    while (this.#early.has(this.#numReceived)) {
      const next = this.#early.get(this.#numReceived)!;
      this.#early.delete(this.#numReceived++);
      this.#onMessage?.(next);
    }
  }
}

/** The two ends of a channel within a thread. Messages are passed by reference, so neither side may change them. */
export function localChannels(): [Channel, Channel] {
  const receivers: (((message: unknown) => void) | undefined)[] = [];
  const end = (own: 0 | 1): Channel => ({
    send: (message) => receivers[1 - own]?.(message),
    listen: (onMessage) => void (receivers[own] = onMessage),
    poll: () => {},
    close: () => void (receivers[own] = undefined),
  });
  return [end(0), end(1)];
}
