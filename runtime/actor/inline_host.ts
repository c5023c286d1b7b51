/**
 * Runs an actor in this thread: in tests and, inside a Worker, in production.
 *
 * @module
 */
import { fromWireError, toWireError } from "../errors.ts";
import type { Address } from "../messages.ts";
import type { Actor, ActorContext } from "./actor.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { ActorHost, HostOptions } from "./host.ts";
import { Mailbox } from "./mailbox.ts";

/** Hosts an actor in the calling thread. */
export class InlineHost<Config, Info, Message> implements ActorHost<Config, Info> {
  readonly #actor: Actor<Config, Info, Message>;
  readonly #options: HostOptions;
  readonly #ports = new Map<Address, MessagePort>();
  readonly #context: ActorContext;
  readonly #mailbox: Mailbox<Message>;
  #running = false;

  constructor(actor: Actor<Config, Info, Message>, options: HostOptions & { clock?: Clock }) {
    this.#actor = actor;
    this.#options = options;
    this.#context = {
      send: (to, message, transfer) => this.#ports.get(to)?.postMessage(message, transfer ?? []),
      clock: options.clock ?? systemClock,
      log: (level, text) => options.log(level, text),
    };
    this.#mailbox = new Mailbox(
      (message) => this.#actor.receive(message, this.#context),
      (error) => this.crash(error),
    );
  }

  get name(): Address {
    return this.#actor.name;
  }

  connect(to: Address, port: MessagePort): void {
    this.#ports.set(to, port);
    port.onmessage = (event) => this.#mailbox.push(event.data);
  }

  async start(config: Config): Promise<Info> {
    try {
      const info = await this.#actor.start(config, this.#context);
      this.#running = true;
      this.#mailbox.open();
      return info;
    } catch (error) {
      throw fromWireError(toWireError(error));
    }
  }

  async stop(): Promise<void> {
    await this.#mailbox.close();
    try {
      if (this.#running) await this.#actor.stop();
    } catch (error) {
      this.crash(error);
    }
    this.#running = false;
    for (const port of this.#ports.values()) port.close();
  }

  /** Treats `error` as thrown by the actor; for errors that escape it through a timer or a promise. */
  crash(error: unknown): void {
    if (!this.#running) return;
    this.#running = false;
    void this.#mailbox.close();
    if (error instanceof Error && error.stack !== undefined) this.#options.log("error", error.stack);
    this.#options.onCrash(toWireError(error));
  }
}
