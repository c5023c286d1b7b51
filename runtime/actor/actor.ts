/**
 * What an actor is: a value with a name and three functions. Hosts (`inline_host.ts`, `worker_host.ts`) decide
 * where it runs; an actor never knows.
 *
 * @module
 */
import type { LogLevel } from "../contracts/log_level.ts";
import type { Address } from "../messages/actors.ts";
import type { Clock } from "./clock.ts";

/** All an actor may touch of the world. */
export interface ActorContext {
  /** Posts a message, not to be changed afterwards; never blocks, never throws for an absent receiver. */
  send(to: Address, message: { readonly type: string }): void;
  /** The time. */
  readonly clock: Clock;
  /** Writes a log line. */
  log(level: LogLevel, text: string): void;
}

/**
 * An actor. `start` runs once before any message; `receive` runs for one message at a time, in order; `stop` runs
 * last. A throw from any of them is a crash: the host reports it and calls nothing more.
 */
export interface Actor<Config, Info, Message> {
  /** Its address. */
  readonly name: Address;
  /** Makes it ready; the result is handed to whoever started it. */
  start(config: Config, context: ActorContext): Info | Promise<Info>;
  /** Handles one message. */
  receive(message: Message, context: ActorContext): void | Promise<void>;
  /** Frees what it holds. */
  stop(): void | Promise<void>;
}
