/**
 * Actor: a value with a name and three functions. Hosts (`inline_host.ts`, `worker_host.ts`) decide where it runs; the
 * actor itself does not know.
 *
 * @module
 */
import type { LogLevel } from "../contracts/log_level.ts";
import type { Address } from "../messages/actors.ts";
import type { Clock } from "./clock.ts";

/** Context of an actor: everything outside itself that it may use. */
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
  /** Starts the actor; the result is returned to the caller of the host's `start`. */
  start(config: Config, context: ActorContext): Info | Promise<Info>;
  /** Handles one message. */
  receive(message: Message, context: ActorContext): void | Promise<void>;
  /** Frees what it holds. */
  stop(): void | Promise<void>;
}
