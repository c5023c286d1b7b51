/**
 * Host: owns the life of one actor, in whichever thread the actor runs.
 *
 * @module
 */
import type { WireError } from "../contracts/errors.ts";
import type { Address } from "../messages/actors.ts";
import type { Actor } from "./actor.ts";
import type { LogLevel } from "../contracts/log_level.ts";

/** Any actor, where only its host's types matter. */
export type AnyActor = Actor<never, unknown, never>;

/** Actor factories by name: where hosts find what to run. */
export type ActorRegistry = Readonly<Record<string, () => AnyActor>>;

/** Callbacks of a host. */
export interface HostOptions {
  /** Lines the actor logs. */
  readonly log: (level: LogLevel, text: string) => void;
  /** Called once, when a started actor threw or its thread died; the actor receives nothing more. */
  readonly onCrash: (error: WireError) => void;
}

/** Runs one actor. Order of calls: `connect` any number of times, `start` once, `stop`. */
export interface ActorHost<Config, Info> {
  readonly name: Address;
  /** Gives the actor its port to another one; the host closes it when it stops. */
  connect(to: Address, port: MessagePort): void;
  /**
   * Starts the actor; messages that came earlier are received afterwards.
   *
   * @throws what the actor's `start` threw, rebuilt by `fromWireError`
   */
  start(config: Config): Promise<Info>;
  /** Lets the message in progress end, drops the others, stops the actor and frees its thread. Never throws. */
  stop(): Promise<void>;
}
