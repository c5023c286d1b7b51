/**
 * Runs an actor in this thread: in tests and, inside a Worker, in production.
 *
 * @module
 */
import { fromWireError, toWireError } from "../contracts/errors.ts";
import type { Address } from "../messages/actors.ts";
import type { Actor, ActorContext } from "./actor.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type Channel, PortChannel } from "./channel.ts";
import type { ActorHost, HostOptions } from "./host.ts";
import { Mailbox } from "./mailbox.ts";

/** Options of {@linkcode InlineHost}. */
export interface InlineHostOptions extends HostOptions {
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Called before each message; what it returns is awaited, so that the event loop gets a turn now and then. */
  readonly pause?: () => Promise<void> | undefined;
}

/** Hosts an actor in the calling thread. */
export class InlineHost<Config, Info, Message> implements ActorHost<Config, Info> {
  readonly #actor: Actor<Config, Info, Message>;
  readonly #options: InlineHostOptions;
  readonly #channels = new Map<Address, Channel<Message>>();
  readonly #context: ActorContext;
  readonly #mailbox: Mailbox<Message>;
  #running = false;

  constructor(actor: Actor<Config, Info, Message>, options: InlineHostOptions) {
    this.#actor = actor;
    this.#options = options;
    this.#context = {
      send: (to, message) => this.#channels.get(to)?.send(message),
      clock: options.clock ?? systemClock,
      log: (level, text) => options.log(level, text),
    };
    this.#mailbox = new Mailbox(
      (message) => this.#actor.receive(message, this.#context),
      (error) => this.crash(error),
      options.pause,
    );
  }

  get name(): Address {
    return this.#actor.name;
  }

  connect(to: Address, port: MessagePort): void {
    const channel = new PortChannel<Message>(port);
    this.#channels.set(to, channel);
    channel.listen((message) => this.#mailbox.push(message));
  }

  /**
   * Gives the actor its end of a channel to another actor of this thread. While these two answer each other the event
   * loop does not turn, so messages from other threads are polled before each of the neighbour's.
   */
  link(to: Address, channel: Channel<Message>): void {
    this.#channels.set(to, channel);
    channel.listen((message) => {
      for (const other of this.#channels.values()) other.poll();
      this.#mailbox.push(message);
    });
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
    for (const channel of this.#channels.values()) channel.close();
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
